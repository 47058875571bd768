"""Beyond the paper: where an image or a caption repeats in a batch, its other pairs are no negatives.

Legend: B per-replica batch, G global batch, R rows of a block.
"""

from __future__ import annotations

from keras import ops

from models.losses.contrastive import cross_entropy
from models.losses.pair_blocks import Criterion, Judged, Tensor


def multi_positive_softmax(
    image_ids: Tensor, caption_ids: Tensor, all_image_ids: Tensor, all_caption_ids: Tensor, label_smoothing: float
) -> Criterion:
    """Make the criterion of a softmax whose target is uniform over a pair's positives.

    The positives P_i of pair i are the pairs with the same image or the same caption, itself among them. With
    smoothing e and logits z_ij, in each direction:

        t_ij    (1 - e) [j in P_i] / |P_i| + e / G
        loss    -mean over i of  sum_j t_ij log( exp(z_ij) / sum_k exp(z_ik) )

    The relation is not made transitive: where i and j share an image, and j and k a caption, i and k stay negatives,
    for one vague caption ("a dog") would otherwise make one class of all images that ever had it. It is symmetric, so
    P_i serves both directions. Where nothing repeats, P_i is i alone and the loss is the paper's.

    A row is right where its greatest logit is at any of its positives.

    Args:
      image_ids, caption_ids: [B, 2] int32, the halves of 64-bit fingerprints of this replica's pairs. Two different
        ones among 16384 collide by chance in one batch of 10^11.
      all_image_ids, all_caption_ids: [G, 2] int32, those of all replicas' pairs.
      label_smoothing: e in [0, 1).

    Reference:
      Several positives a row outside of the logarithm: Supervised Contrastive Learning, arXiv:2004.11362, equation 2
      (there without the pair itself, which is an augmented view); between images and texts: UniCL, arXiv:2204.03610,
      equations 3 and 4 (there by class, which is transitive). Smoothing over the batch is ALIGN's, arXiv:2102.05918.
    """

    def judge(logits: Tensor, first: Tensor | int) -> Judged:
        rows = ops.shape(logits)[0]
        same_image = _same(ops.slice(image_ids, (first, 0), (rows, 2)), all_image_ids)
        same_caption = _same(ops.slice(caption_ids, (first, 0), (rows, 2)), all_caption_ids)
        positive = ops.cast(ops.logical_or(same_image, same_caption), logits.dtype)  # [R, G]
        targets = (1 - label_smoothing) * positive / ops.sum(positive, axis=1, keepdims=True)
        costs, slopes = cross_entropy(logits, targets + label_smoothing / ops.shape(logits)[1])
        top = ops.take_along_axis(positive, ops.argmax(logits, axis=1)[:, None], axis=1)[:, 0]
        return Judged(costs, slopes, right=ops.greater(top, 0))

    return judge


def _same(own: Tensor, everyone: Tensor) -> Tensor:
    """Returns [R, G] bool: whether fingerprints [R, 2] and [G, 2] agree in both halves."""
    halves = [ops.equal(own[:, None, half], everyone[None, :, half]) for half in (0, 1)]
    return ops.logical_and(*halves)
