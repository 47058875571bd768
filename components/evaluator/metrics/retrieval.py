"""Cross-modal retrieval in plain NumPy: recall at k from images to captions and back, beside chance.

Legend: N images, M captions, D embedding dimension, R images in a chunk.
"""

from __future__ import annotations

import math

import numpy as np

from components.evaluator.metrics.ranking import (
    Floats,
    Integers,
    grid_similarity,
    grid_similarity_of_rows,
    hit_probability,
    mean,
)

RECALL_AT = (1, 5, 10)  # as ALIGN reports retrieval, arXiv:2102.05918
IMAGES_PER_CHUNK = 256  # 256 x 25 000 captions (MSCOCO's test split) hold 51 MB


def retrieval_metrics(
    image_embedding: Floats,
    caption_embedding: Floats,
    caption_count: Integers,
    *,
    images_per_chunk: int = IMAGES_PER_CHUNK,
) -> dict[str, float]:
    """Compute R@1, R@5 and R@10 in both directions over one gallery.

        i2t_recall_at_k: share of the images of which at least one own caption is among the k captions most similar
        t2i_recall_at_k: share of the captions whose image is among the k images most similar

    Equal similarities stand in random order and count by expectation (`ranking.hit_probability`). An image without a
    caption stands in the gallery but asks nothing. The N x M similarities exist a chunk of images at a time.

    Args:
      image_embedding: [N, D], unit length.
      caption_embedding: [M, D], unit length; the captions of image 0 first, then those of image 1, ...
      caption_count: [N] captions of each image; their sum is M.
      images_per_chunk: R, images compared with all captions at once.

    Returns:
      `{i2t,t2i}_recall_at_k` and `chance_{i2t,t2i}_recall_at_k` for k in RECALL_AT, `num_images`, `num_captions`.
      Recalls are NaN when an embedding is not finite or there is no caption: such a gallery has no ranks.

    Raises:
      ValueError: caption_count does not add up to the captions, or does not have a count for each image.

    Reference: retrieval as ALIGN reports it on Flickr30K and MSCOCO, arXiv:2102.05918.
    """
    images, captions = len(image_embedding), len(caption_embedding)
    if len(caption_count) != images or int(np.sum(caption_count)) != captions:
        raise ValueError(
            f"caption_count has {len(caption_count)} counts that add up to {int(np.sum(caption_count))} for {images} "
            f"images and {captions} captions; give one count an image, adding up to the captions"
        )
    facts = {"num_images": float(images), "num_captions": float(captions)}
    counts = caption_count[caption_count > 0]  # [images that ask]
    chance = {f"chance_i2t_recall_at_{k}": mean(hit_probability(0, captions, counts, k)) for k in RECALL_AT}
    chance |= {f"chance_t2i_recall_at_{k}": min(k / images, 1.0) if images else math.nan for k in RECALL_AT}
    if not captions or not np.isfinite(image_embedding).all() or not np.isfinite(caption_embedding).all():
        recalls = {f"{way}_recall_at_{k}": math.nan for way in ("i2t", "t2i") for k in RECALL_AT}
        return recalls | chance | facts

    owner = np.repeat(np.arange(images), caption_count)  # [M] the image of each caption
    own = grid_similarity_of_rows(image_embedding[owner], caption_embedding)  # [M]
    best = np.full(images, -np.inf)  # [N] of the image's own captions
    np.maximum.at(best, owner, own)
    best_own = np.bincount(owner, weights=own == best[owner], minlength=images).astype(np.int64)  # [N] how many tie

    captions_above = np.zeros(images, np.int64)  # others' captions that beat the image's best own one
    captions_level = best_own.copy()
    images_above = np.zeros(captions, np.int64)  # other images that beat the caption's own one
    images_level = np.ones(captions, np.int64)
    for start in range(0, images, images_per_chunk):
        rows = slice(start, start + images_per_chunk)
        similarity = grid_similarity(image_embedding[rows], caption_embedding)  # [R, M]
        mine = np.flatnonzero((owner >= start) & (owner < start + images_per_chunk))
        similarity[owner[mine] - start, mine] = -np.inf  # own pairs are counted above
        captions_above[rows] = np.sum(similarity > best[rows, None], axis=1)
        captions_level[rows] += np.sum(similarity == best[rows, None], axis=1)
        images_above += np.sum(similarity > own, axis=0)
        images_level += np.sum(similarity == own, axis=0)

    asks = caption_count > 0
    recalls = {}
    for k in RECALL_AT:
        i2t = hit_probability(captions_above[asks], captions_level[asks], best_own[asks], k)
        t2i = hit_probability(images_above, images_level, 1, k)
        recalls[f"i2t_recall_at_{k}"] = mean(i2t)
        recalls[f"t2i_recall_at_{k}"] = mean(t2i)
    return recalls | chance | facts
