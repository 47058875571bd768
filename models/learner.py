"""One training step: what a replica does with its share of a batch.

With `micro_batch` set, embeddings and gradients are computed a micro-batch at a time (gradient caching): first all
embeddings without what backpropagation needs, then the loss of the whole batch and its gradient with respect to each
embedding, then each micro-batch again, now backpropagating its own rows of that gradient. Gradients are those of the
whole batch; memory is that of one micro-batch. Batch norm normalises each micro-batch by itself, as the paper's cores
did their 16 pairs. Images arrive as bytes, a quarter of their size as floats, and are scaled right before the encoder.

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

from models import preprocessing
from models.dual_encoder import DualEncoder
from models.gather import gather_replicas
from models.guarded_optimizer import GuardedOptimizer
from models.objective import Embedded, Objective
from models.pair_blocks import Scored

Batch = dict[str, tf.Tensor]


class Learner:
    """Everything that a step reads and changes.

    Args:
      encoder: what is trained.
      objective: its loss.
      optimizer: built by this constructor on all that is trainable.
      micro_batch: M; None encodes a replica's share at once.
    """

    def __init__(
        self, encoder: DualEncoder, objective: Objective, optimizer: GuardedOptimizer, micro_batch: int | None = None
    ) -> None:
        self.encoder, self.objective, self.optimizer = encoder, objective, optimizer
        self._micro_batch = micro_batch
        self.trainable_variables = [*encoder.trainable_variables, *objective.trainable_variables]
        optimizer.build(self.trainable_variables)

    @property
    def variables(self) -> list[keras.Variable]:
        """All state: weights, batch norm's statistics, the seeds of dropout, the optimizer's moments and counts."""
        return [*self.encoder.variables, *self.objective.variables, *self.optimizer.variables]

    def step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Take one optimizer step; called once a replica.

        Each replica differentiates its share of the global loss, its own mean divided by the number of replicas, since
        the optimizer sums gradients over replicas. There is no loss scaling: arithmetic is float32 or bfloat16.

        Args:
          batch: "image" [B, S, S, 3] uint8, "token_ids" [B, L] int32, and the ids that the objective asks for, [B, 2]
            int32 each.

        Returns:
          The scalars that history.MEASURES names; their mean over replicas is that of the global batch.
        """
        if self._micro_batch is None:
            scored, gradients = self._gradients(batch)
        else:
            scored, gradients = self._cached_gradients(batch)
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
            scored = self._score(vectors["image"], vectors["text"], batch)
            share = scored.loss / _replicas()
        return scored, tape.gradient(share, self.trainable_variables)

    def _cached_gradients(self, batch: Batch) -> tuple[Scored, list[Any]]:
        micro_batches = {name: self._split(values) for name, values in batch.items()}  # [N, M, ...]
        images, texts = (self._join(vectors) for vectors in self._embed_unseen(micro_batches))  # [B, D]
        own = [*self.objective.trainable_variables]
        if self.encoder.temperature.trainable:
            own.append(self.encoder.temperature)
        with tf.GradientTape() as tape:
            tape.watch([images, texts])
            scored = self._score(images, texts, batch)
            share = scored.loss / _replicas()
        by_image, by_text, *by_own = tape.gradient(share, [images, texts, *(variable.value for variable in own)])
        gradients = self._backpropagate(micro_batches, self._split(by_image), self._split(by_text))
        found = {id(variable): gradient for variable, gradient in zip(own, by_own, strict=True)}
        return scored, [found.get(id(v), g) for v, g in zip(self.trainable_variables, gradients, strict=True)]

    def _score(self, images: tf.Tensor, texts: tf.Tensor, batch: Batch) -> Scored:
        own = Embedded(images, texts, batch.get("image_id"), batch.get("caption_id"))
        everyone, row_offset = gather_replicas(own)
        return self.objective(own, everyone, row_offset, self.encoder.temperature)

    def _embed_unseen(self, micro_batches: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns [N, M, D] vectors of images and of texts, and leaves all state as it was.

        The states of dropout's seeds go from one micro-batch to the next as they do in `_backpropagate`, so both draw
        the same masks.
        """
        weights = [tf.convert_to_tensor(variable.value) for variable in self.encoder.trainable_variables]
        state = [tf.convert_to_tensor(variable.value) for variable in self.encoder.non_trainable_variables]
        count = micro_batches["image"].shape[0]
        shape = [self._micro_batch, self.encoder.embedding]
        images, texts = (tf.TensorArray(tf.float32, count, element_shape=shape) for _ in range(2))

        def embed(index: tf.Tensor, state: list[Any], images: Any, texts: Any) -> tuple[Any, ...]:
            micro_batch = _inputs({name: values[index] for name, values in micro_batches.items()})
            vectors, after = self.encoder.stateless_call(weights, state, micro_batch, training=True)
            return index + 1, list(after), images.write(index, vectors["image"]), texts.write(index, vectors["text"])

        start = (tf.constant(0), state, images, texts)
        *_, images, texts = _loop(count, embed, start)
        return images.stack(), texts.stack()

    def _backpropagate(self, micro_batches: Batch, by_image: tf.Tensor, by_text: tf.Tensor) -> Sequence[tf.Tensor]:
        """Returns the gradients of all trainable variables, given those of the vectors, [N, M, D] each."""

        def add(index: tf.Tensor, sums: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
            with tf.GradientTape() as tape:
                micro_batch = _inputs({name: values[index] for name, values in micro_batches.items()})
                vectors = self.encoder(micro_batch, training=True)
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

    def _split(self, values: tf.Tensor) -> tf.Tensor:
        """[B, ...] -> [N, M, ...]"""
        return tf.reshape(values, [-1, self._micro_batch, *values.shape[1:]])

    @staticmethod
    def _join(values: tf.Tensor) -> tf.Tensor:
        """[N, M, D] -> [B, D]"""
        return tf.reshape(values, [-1, values.shape[-1]])


def _inputs(batch: Batch) -> Batch:
    """Returns what the encoder takes of a batch, or of a micro-batch."""
    return {"image": preprocessing.scale(batch["image"]), "token_ids": batch["token_ids"]}


def _loop(count: int, body: Callable[..., tuple[Any, ...]], start: tuple[Any, ...]) -> tuple[Any, ...]:
    """Run `body` on state that begins with the index, `count` times, one after the other."""
    return tf.while_loop(lambda index, *_: index < count, body, start, parallel_iterations=1, maximum_iterations=count)


def _replicas() -> int:
    return tf.distribute.get_replica_context().num_replicas_in_sync
