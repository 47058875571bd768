"""The training objective: a normalised softmax over the global batch, from images to texts and back.

Legend: B per-replica batch, G global batch, D embedding dimension.
"""

from __future__ import annotations

from keras import KerasTensor as Tensor
from keras import ops


def contrastive_loss(
    images: Tensor,
    texts: Tensor,
    all_images: Tensor,
    all_texts: Tensor,
    row_offset: Tensor | int,
    temperature: Tensor | float,
    label_smoothing: float,
) -> Tensor:
    """Score each pair against all others of the global batch, in both directions.

    With unit vectors x_i of images and y_j of texts, temperature s, smoothing e and targets
    t_ij = (1 - e) [i = j] + e / G:

        image to text   l_i = -sum_j t_ij log( exp(x_i . y_j / s) / sum_k exp(x_i . y_k / s) )
        text to image   m_i = -sum_j t_ij log( exp(y_i . x_j / s) / sum_k exp(y_i . x_k / s) )
        loss            mean over i of l_i + m_i

    The two directions are summed, not averaged. A replica computes the B rows of its own pairs, so the mean of the
    replicas' losses is the loss of the global batch, and no replica holds a [G, G] matrix.

    Args:
      images, texts: [B, D] unit vectors of this replica's pairs.
      all_images, all_texts: [G, D] unit vectors of all replicas' pairs.
      row_offset: where this replica's pairs begin among the G.
      temperature: s, a plain divisor of the cosines.
      label_smoothing: e in [0, 1).

    Returns:
      Scalar, the mean over this replica's B pairs.

    Reference:
      ALIGN section 4.1, equations 1 and 2, and section 5.1, arXiv:2102.05918.
    """
    image_to_text = smoothed_cross_entropy(pair_logits(images, all_texts, temperature), row_offset, label_smoothing)
    text_to_image = smoothed_cross_entropy(pair_logits(texts, all_images, temperature), row_offset, label_smoothing)
    return ops.mean(image_to_text + text_to_image)


def pair_logits(queries: Tensor, candidates: Tensor, temperature: Tensor | float) -> Tensor:
    """Returns [B, G] cosines divided by the temperature, of unit vectors [B, D] and [G, D]."""
    return ops.matmul(queries, ops.transpose(candidates)) / temperature  # [B, D] x [D, G] -> [B, G]


def own_columns(logits: Tensor, row_offset: Tensor | int) -> Tensor:
    """Returns [B]: the column of each row's own pair."""
    return ops.arange(ops.shape(logits)[0]) + row_offset


def smoothed_cross_entropy(logits: Tensor, row_offset: Tensor | int, label_smoothing: float) -> Tensor:
    """Compute the cross-entropy of each row against its own pair's column, smoothed.

    -sum_j t_j log softmax(z)_j = logsumexp(z) - (1 - e) z_own - e mean(z), which needs no [B, G] targets.

    Args:
      logits: z, [B, G].
      row_offset: row b's own pair is column row_offset + b.
      label_smoothing: e in [0, 1).

    Returns:
      [B].
    """
    own = ops.take_along_axis(logits, own_columns(logits, row_offset)[:, None], axis=1)[:, 0]  # [B]
    return ops.logsumexp(logits, axis=1) - (1 - label_smoothing) * own - label_smoothing * ops.mean(logits, axis=1)


def recall_at_1(logits: Tensor, row_offset: Tensor | int) -> Tensor:
    """Returns the share of the B rows whose own pair has the greatest logit of the row [B, G]."""
    return ops.mean(ops.cast(ops.equal(ops.argmax(logits, axis=1), own_columns(logits, row_offset)), logits.dtype))
