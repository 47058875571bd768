"""What training minimises: the losses as layers of one interface, chosen by `training.loss`.

Legend: B per-replica batch, G global batch, D embedding dimension.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
from keras import ops

from models.losses.contrastive import smoothed_softmax, window_of, windowed_softmax
from models.losses.multi_positive import multi_positive_softmax
from models.losses.pair_blocks import BLOCK_LOGITS, Criterion, Scored, Tensor, recall_at_1, score_rows
from models.losses.sigmoid import INITIAL_BIAS, pairwise_sigmoid
from models.training_config import TrainingConfig


class Embedded(NamedTuple):
    """N pairs in the shared space: a replica's own (N = B), or all replicas' in order of replica (N = G).

    Attributes:
      images, texts: [N, D] float32 unit vectors, row i of both from pair i.
      image_ids, caption_ids: [N, 2] int32, halves of a 64-bit fingerprint; only the multi-positive loss looks at them.
    """

    images: Tensor
    texts: Tensor
    image_ids: Tensor | None = None
    caption_ids: Tensor | None = None


class Objective(keras.layers.Layer):
    """A loss over the global batch, of which each replica computes the rows of its own pairs.

    It works in float32 whatever the towers' precision.

    Attributes:
      block_logits: logits that exist at a time.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name, dtype="float32")
        self.block_logits = BLOCK_LOGITS
        self.built = True

    def call(self, own: Embedded, everyone: Embedded, row_offset: Tensor | int, temperature: Tensor | float) -> Scored:
        """Score this replica's pairs.

        Args:
          own: its B pairs.
          everyone: the G pairs of all replicas, its own at `row_offset` to `row_offset` + B.
          row_offset: scalar int32.
          temperature: scalar, a plain divisor of the cosines.

        Returns:
          Loss and in-batch recall (both directions' mean), each the mean over the B pairs: the mean over replicas is
          the value of the global batch, and the sum over replicas of the gradients is G / B times its gradient.
        """
        raise NotImplementedError

    def _both_directions(
        self, own: Embedded, everyone: Embedded, temperature: Tensor | float, criterion: Criterion
    ) -> Scored:
        """Sum the losses of images against texts and of texts against images; average their recalls."""
        image_to_text = score_rows(own.images, everyone.texts, temperature, 0.0, criterion, self.block_logits)
        text_to_image = score_rows(own.texts, everyone.images, temperature, 0.0, criterion, self.block_logits)
        recall = (image_to_text.recall_at_1 + text_to_image.recall_at_1) / 2
        return Scored(image_to_text.loss + text_to_image.loss, recall)


def build_objective(training: TrainingConfig, batch: int) -> Objective:
    """Choose the objective that `training.loss` names.

    Args:
      training: loss, label smoothing, negatives.
      batch: G.

    Raises:
      ValueError: where `training.negatives` leaves a pair no negative at all.
    """
    if training.loss == "sigmoid":
        return SigmoidObjective()
    if training.loss == "multi_positive":
        return MultiPositiveObjective(training.label_smoothing)
    following = round(training.negatives * (batch - 1))
    if following == batch - 1:
        return SoftmaxObjective(training.label_smoothing)
    if following < 1:
        raise ValueError(
            f"training.negatives is {training.negatives}, which of a batch of {batch} leaves each pair no other to be "
            f"told from; set it to {1 / (batch - 1):.2g} or more, or training.batch higher"
        )
    return WindowedObjective(following, training.label_smoothing)


class SoftmaxObjective(Objective):
    """The paper's loss: both directions of a smoothed softmax over the whole batch, summed.

    Examples:
      >>> pairs = Embedded(images=ops.eye(2), texts=ops.eye(2))  # 2 ln(1 + 1/e) at temperature 1
      >>> loss, recall_at_1 = SoftmaxObjective(label_smoothing=0.0)(pairs, pairs, row_offset=0, temperature=1.0)
      >>> round(float(loss), 3), float(recall_at_1)
      (0.627, 1.0)
    """

    def __init__(self, label_smoothing: float, name: str = "softmax_objective") -> None:
        super().__init__(name)
        self.label_smoothing = label_smoothing

    def call(self, own: Embedded, everyone: Embedded, row_offset: Tensor | int, temperature: Tensor | float) -> Scored:
        return self._both_directions(own, everyone, temperature, smoothed_softmax(row_offset, self.label_smoothing))


class WindowedObjective(Objective):
    """The paper's loss with each pair told from the `following` pairs after it alone, cyclically.

    Examples:
      >>> pairs = Embedded(images=ops.eye(4), texts=ops.eye(4))  # each told from one other
      >>> round(float(WindowedObjective(1, label_smoothing=0.0)(pairs, pairs, row_offset=0, temperature=1.0).loss), 3)
      0.627
    """

    def __init__(self, following: int, label_smoothing: float, name: str = "windowed_objective") -> None:
        super().__init__(name)
        self.following = following
        self.label_smoothing = label_smoothing

    def call(self, own: Embedded, everyone: Embedded, row_offset: Tensor | int, temperature: Tensor | float) -> Scored:
        rows, batch = own.images.shape[0], everyone.images.shape[0]  # B, G: static
        reached = Embedded(
            *(window_of(side, row_offset, rows, self.following) for side in (everyone.images, everyone.texts))
        )
        return self._both_directions(
            own, reached, temperature, windowed_softmax(self.following, self.label_smoothing, batch)
        )


class MultiPositiveObjective(Objective):
    """The paper's loss with all pairs that share the image or the caption as positives.

    Examples:
      >>> same, other = ops.zeros([2, 2], "int32"), ops.array([[0, 1], [0, 2]])
      >>> pairs = Embedded(ops.eye(2), ops.eye(2), image_ids=same, caption_ids=other)  # one image with two captions
      >>> round(float(MultiPositiveObjective(label_smoothing=0.0)(pairs, pairs, row_offset=0, temperature=1.0).loss), 3)
      1.627
    """

    def __init__(self, label_smoothing: float, name: str = "multi_positive_objective") -> None:
        super().__init__(name)
        self.label_smoothing = label_smoothing

    def call(self, own: Embedded, everyone: Embedded, row_offset: Tensor | int, temperature: Tensor | float) -> Scored:
        for ids in ("image_ids", "caption_ids"):
            if getattr(own, ids) is None or getattr(everyone, ids) is None:
                raise ValueError(
                    f"{ids} is None; training.loss 'multi_positive' finds repeated images and captions by the "
                    "fingerprints in a batch: hand them over, or set training.loss to 'softmax'"
                )
        criterion = multi_positive_softmax(
            own.image_ids, own.caption_ids, everyone.image_ids, everyone.caption_ids, self.label_smoothing
        )
        return self._both_directions(own, everyone, temperature, criterion)


class SigmoidObjective(Objective):
    """SigLIP's loss. Its temperature starts at 0.1 there: `training.initial_temperature` should, too.

    Weights:
      bias: scalar, what the logits start from, so that the G - 1 negatives of a row do not drown its pair at first.

    Examples:
      >>> pairs = Embedded(images=ops.eye(2), texts=ops.eye(2))  # ln 2: the bias undoes the cosine of 1
      >>> round(float(SigmoidObjective()(pairs, pairs, row_offset=0, temperature=0.1).loss), 3)
      0.693
    """

    def __init__(self, name: str = "sigmoid_objective") -> None:
        super().__init__(name)
        self.bias = self.add_weight(name="bias", shape=(), initializer=keras.initializers.Constant(INITIAL_BIAS))

    def call(self, own: Embedded, everyone: Embedded, row_offset: Tensor | int, temperature: Tensor | float) -> Scored:
        criterion = pairwise_sigmoid(row_offset)
        bias = ops.convert_to_tensor(self.bias)
        image_to_text = score_rows(own.images, everyone.texts, temperature, bias, criterion, self.block_logits)
        text_to_image = recall_at_1(own.texts, everyone.images, row_offset, self.block_logits)
        return Scored(image_to_text.loss, (image_to_text.recall_at_1 + text_to_image) / 2)
