"""Beyond the paper: every pair of an image and a text judged by itself, does it belong together or not (SigLIP).

Legend: B per-replica batch, G global batch, R rows of a block.
"""

from __future__ import annotations

from keras import ops

from models.losses.pair_blocks import Criterion, Judged, Tensor, own_pairs, top_is_own

INITIAL_BIAS = -10.0  # SigLIP section 3.2, arXiv:2303.15343; its temperature starts at 1/10


def pairwise_sigmoid(row_offset: Tensor | int) -> Criterion:
    """Make the criterion that tells pairs from non-pairs, G decisions a row.

    With logits u_ij = x_i . y_j / s + b, and z_ij = 1 where i = j, -1 elsewhere:

        loss    -mean over i of  sum_j log sigmoid(z_ij u_ij)

    The sum over j is not divided by G, as in SigLIP. Rows are images and columns texts: over all replicas the rows of
    own images meet every text, so each of the G x G pairs is counted once and there is no second direction to add. The
    slope by u_ij is -z_ij sigmoid(-z_ij u_ij).

    Args:
      row_offset: where this replica's pairs begin among the G.

    Reference:
      Sigmoid Loss for Language Image Pre-Training, arXiv:2303.15343, equation 1.
    """

    def judge(logits: Tensor, first: Tensor | int) -> Judged:
        own = own_pairs(logits, row_offset + first)  # [R, G]
        against = ops.where(own, -logits, logits)  # -z u
        wrongness = ops.sigmoid(against)
        return Judged(
            costs=ops.sum(ops.softplus(against), axis=1),  # -log sigmoid(a) = softplus(-a)
            slopes=ops.where(own, -wrongness, wrongness),
            right=top_is_own(logits, row_offset + first),
        )

    return judge
