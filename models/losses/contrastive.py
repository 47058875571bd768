"""The training objective: a normalised softmax over the global batch, from images to texts and back.

Legend: B per-replica batch, G global batch, D embedding dimension, R rows of a block.
"""

from __future__ import annotations

from keras import ops

from models.losses.pair_blocks import Criterion, Judged, Tensor, own_columns, own_pairs, top_is_own

_NEVER = -1e9  # a logit that no softmax sees: finite, so that 0 times it is 0


def smoothed_softmax(row_offset: Tensor | int, label_smoothing: float) -> Criterion:
    """Make the criterion that tells each pair from all others of the global batch.

    With unit vectors x_i of images and y_j of texts, temperature s, smoothing e and targets
    t_ij = (1 - e) [i = j] + e / G:

        image to text   l_i = -sum_j t_ij log( exp(x_i . y_j / s) / sum_k exp(x_i . y_k / s) )
        text to image   m_i = -sum_j t_ij log( exp(y_i . x_j / s) / sum_k exp(y_i . x_k / s) )
        loss            mean over i of l_i + m_i

    The two directions are summed, not averaged. A replica computes the B rows of its own pairs, so the mean of the
    replicas' losses is the loss of the global batch, and no replica holds a [G, G] matrix.

    Args:
      row_offset: where this replica's pairs begin among the G.
      label_smoothing: e in [0, 1).

    Reference:
      ALIGN section 4.1, equations 1 and 2, and section 5.1, arXiv:2102.05918.
    """

    def judge(logits: Tensor, first: Tensor | int) -> Judged:
        own = ops.cast(own_pairs(logits, row_offset + first), logits.dtype)  # [R, G]
        targets = (1 - label_smoothing) * own + label_smoothing / ops.shape(logits)[1]
        return Judged(*cross_entropy(logits, targets), right=top_is_own(logits, row_offset + first))

    return judge


def windowed_softmax(following: int, label_smoothing: float, batch: int) -> Criterion:
    """Make the criterion that tells pair i from itself and the `following` pairs after it, cyclically.

    The columns are those of `window_of`, so that row b's own pair is column b. Smoothing spreads over the window:
    t_ij = (1 - e) [i = j] + e / (following + 1) inside of it. A row is right where its greatest logit of the window is.

    Args:
      following: negatives of each pair, 1 to G - 1.
      label_smoothing: e in [0, 1).
      batch: G.

    Reference:
      The ablation "50 % and 25 % of in-batch negatives", ALIGN table 8, arXiv:2102.05918. The paper does not say which
      ones; a window gives every pair the same number, and makes every pair a negative of the same number of others.
    """

    def judge(logits: Tensor, first: Tensor | int) -> Judged:
        own = own_columns(logits, first)  # [R]
        distance = ops.mod(ops.arange(ops.shape(logits)[1])[None, :] - own[:, None], batch)  # [R, C]
        inside = ops.less_equal(distance, following)
        targets = (1 - label_smoothing) * ops.cast(ops.equal(distance, 0), logits.dtype)
        targets = targets + label_smoothing / (following + 1) * ops.cast(inside, logits.dtype)
        logits = ops.where(inside, logits, _NEVER)
        return Judged(*cross_entropy(logits, targets), right=top_is_own(logits, first))

    return judge


def window_of(candidates: Tensor, row_offset: Tensor | int, rows: int, following: int) -> Tensor:
    """Take the part of the batch that some row's window reaches, this replica's first pair at its head.

    The windows of B neighbouring rows reach B + following pairs together, so the matrix of logits shrinks to
    [B, min(G, B + following)] and its rows need a mask only for what their neighbours reach. Candidates gathered for
    each row by itself would be [B, following + 1, D], far more than the product that they save.

    Args:
      candidates: [G, D].
      row_offset: where this replica's pairs begin among the G.
      rows: B.
      following: negatives of each pair.

    Returns:
      [min(G, B + following), D].
    """
    return ops.roll(candidates, -row_offset, axis=0)[: min(candidates.shape[0], rows + following)]


def cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Compute -sum_j t_j log softmax(z)_j of each row, and its derivative by the logits, softmax(z) - t.

    Args:
      logits: z, [R, G].
      targets: t, [R, G], each row's sum 1.

    Returns:
      Costs [R] and slopes [R, G].
    """
    # Less the greatest, or the cost would be a small difference of numbers as large as 1 / temperature.
    shifted = logits - ops.max(logits, axis=1, keepdims=True)
    log_sum = ops.log(ops.sum(ops.exp(shifted), axis=1, keepdims=True))  # [R, 1]
    return log_sum[:, 0] - ops.sum(targets * shifted, axis=1), ops.exp(shifted - log_sum) - targets
