"""One training step: what a replica does with its share of a batch.

A share that comes in several micro-batches is embedded and backpropagated one at a time (gradient caching): first all
embeddings without what backpropagation needs, then the loss of the whole batch and its gradient with respect to each
embedding, then each micro-batch again, now backpropagating its own rows of that gradient. Gradients are those of the
whole batch; memory is that of one micro-batch and of the images' bytes, which become floats, four times their size,
right before the encoder. Batch norm normalises each micro-batch by itself, as the paper's cores did their 16 pairs.

Legend: B per-replica batch, G global batch, D embedding dimension, M pairs in a micro-batch, N micro-batches, M N = B,
S model.image_crop_px, L word pieces.

Reference:
  Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, arXiv:2101.06983.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from models.images import preprocessing
from models.losses.gather import gather_replicas
from models.losses.objective import Embedded, Objective
from models.losses.pair_blocks import Scored
from models.optimizers.guarded_optimizer import GuardedOptimizer
from models.towers.dual_encoder import DualEncoder

Batch = dict[str, tf.Tensor]

_IDS = ("image_id", "caption_id")


class Learner:
    """Everything that a step reads and changes.

    Args:
      encoder: what is trained.
      objective: its loss.
      optimizer: built by this constructor on all that is trainable.
    """

    def __init__(self, encoder: DualEncoder, objective: Objective, optimizer: GuardedOptimizer) -> None:
        self.encoder, self.objective, self.optimizer = encoder, objective, optimizer
        self.trainable_variables = [*encoder.trainable_variables, *objective.trainable_variables]
        optimizer.build(self.trainable_variables)

    @property
    def variables(self) -> list[keras.Variable]:
        """All state: weights, batch norm's statistics, the seeds of dropout, the optimizer's moments and counts."""
        return [*self.encoder.variables, *self.objective.variables, *self.optimizer.variables]

    def step(self, share: Sequence[Batch]) -> dict[str, tf.Tensor]:
        """Take one optimizer step; called once a replica.

        Each replica differentiates its part of the global loss, its own mean divided by the number of replicas, since
        the optimizer sums gradients over replicas. There is no loss scaling: arithmetic is float32 or bfloat16.

        Args:
          share: the replica's pairs in N micro-batches of one shape: "image" [M, S, S, 3] uint8, "token_ids" [M, L]
            int32, and the ids that the objective asks for, [M, 2] int32 each. One alone is encoded at once.

        Returns:
          The scalars that history.MEASURES names; their mean over replicas is that of the global batch.
        """
        scored, gradients = self._gradients(*share) if len(share) == 1 else self._cached_gradients(share)
        norm = self.optimizer.step(gradients, self.trainable_variables)
        return {
            "loss": scored.loss,
            "temperature": tf.convert_to_tensor(self.encoder.temperature),
            "in_batch_recall_at_1": scored.recall_at_1,
            "gradient_norm": norm,
            "skipped_steps": tf.cast(self.optimizer.skipped_steps.value, tf.float32),
        }

    def _gradients(self, batch: Batch) -> tuple[Scored, list[Any]]:
        with tf.GradientTape() as tape:
            vectors = self.encoder(_inputs(batch), training=True)
            scored = self._score(vectors["image"], vectors["text"], [batch])
            part = scored.loss / _replicas()
        return scored, tape.gradient(part, self.trainable_variables)

    def _cached_gradients(self, share: Sequence[Batch]) -> tuple[Scored, list[Any]]:
        micro_batches = {name: _together([batch[name] for batch in share]) for name in ("image", "token_ids")}
        images, texts = self._embed_unseen(micro_batches)  # [B, D]
        own = [*self.objective.trainable_variables]
        if self.encoder.temperature.trainable:
            own.append(self.encoder.temperature)
        with tf.GradientTape() as tape:
            tape.watch([images, texts])
            scored = self._score(images, texts, share)
            part = scored.loss / _replicas()
        by_image, by_text, *by_own = tape.gradient(part, [images, texts, *(variable.value for variable in own)])
        by_vectors = [tf.reshape(by, [len(share), -1, self.encoder.embedding]) for by in (by_image, by_text)]
        gradients = self._backpropagate(micro_batches, *by_vectors)
        found = {id(variable): gradient for variable, gradient in zip(own, by_own, strict=True)}
        return scored, [found.get(id(v), g) for v, g in zip(self.trainable_variables, gradients, strict=True)]

    def _score(self, images: tf.Tensor, texts: tf.Tensor, share: Sequence[Batch]) -> Scored:
        ids = (tf.concat([b[name] for b in share], 0) if name in share[0] else None for name in _IDS)
        own = Embedded(images, texts, *ids)
        everyone, row_offset = gather_replicas(own)
        return self.objective(own, everyone, row_offset, self.encoder.temperature)

    def _embed_unseen(self, micro_batches: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns [B, D] vectors of images and of texts, and leaves all state as it was.

        The states of dropout's seeds go from one micro-batch to the next as they do in `_backpropagate`, so both draw
        the same masks.
        """
        weights = [tf.convert_to_tensor(variable.value) for variable in self.encoder.trainable_variables]
        state = [tf.convert_to_tensor(variable.value) for variable in self.encoder.non_trainable_variables]
        count, pairs = micro_batches["image"].shape[:2]  # N, M
        shape = [pairs, self.encoder.embedding]
        images, texts = (tf.TensorArray(tf.float32, count, element_shape=shape) for _ in range(2))

        def embed(index: tf.Tensor, state: list[Any], images: Any, texts: Any) -> tuple[Any, ...]:
            vectors, after = self.encoder.stateless_call(weights, state, _read(micro_batches, index), training=True)
            return index + 1, list(after), images.write(index, vectors["image"]), texts.write(index, vectors["text"])

        start = (tf.constant(0), state, images, texts)
        *_, images, texts = _loop(count, embed, start)
        images, texts = (tf.reshape(vectors.stack(), [-1, shape[-1]]) for vectors in (images, texts))
        return images, texts

    def _backpropagate(self, micro_batches: Batch, by_image: tf.Tensor, by_text: tf.Tensor) -> Sequence[tf.Tensor]:
        """Returns the gradients of all trainable variables, given those of the vectors, [N, M, D] each."""

        def add(index: tf.Tensor, sums: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
            with tf.GradientTape() as tape:
                vectors = self.encoder(_read(micro_batches, index), training=True)
            gradients = tape.gradient(
                [vectors["image"], vectors["text"]],
                self.trainable_variables,
                output_gradients=[by_image[index], by_text[index]],
            )
            found = zip(sums, gradients, strict=True)
            return index + 1, [total if g is None else total + tf.convert_to_tensor(g) for total, g in found]

        zeros = [tf.zeros(variable.shape) for variable in self.trainable_variables]
        _, sums = _loop(by_image.shape[0], add, (tf.constant(0), zeros))
        return sums


def _inputs(batch: Batch) -> Batch:
    """Returns what the encoder takes of a micro-batch."""
    return {"image": preprocessing.scale(batch["image"]), "token_ids": batch["token_ids"]}


def _together(values: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns N tensors [M, ...] as one [N, M, ...]; tf.stack has no kernel for bytes on GPUs."""
    return tf.reshape(tf.concat(values, 0), [len(values), *values[0].shape])


def _read(micro_batches: Batch, index: tf.Tensor) -> Batch:
    """Returns what the encoder takes of one of them."""
    return _inputs({name: values[index] for name, values in micro_batches.items()})


def _loop(count: int, body: Callable[..., tuple[Any, ...]], start: tuple[Any, ...]) -> tuple[Any, ...]:
    """Run `body` on state that begins with the index, `count` times, one after the other."""
    return tf.while_loop(lambda index, *_: index < count, body, start, parallel_iterations=1, maximum_iterations=count)


def _replicas() -> int:
    return tf.distribute.get_replica_context().num_replicas_in_sync
