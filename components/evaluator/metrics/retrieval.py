"""Cross-modal retrieval in plain NumPy: from images to captions and back, with any right answers, beside chance.

What is right is a list of index pairs, so an image may have any number of right captions and the other way round. A
query without a right answer asks nothing, but stands in the gallery for others.

Legend: N images, M captions, D embedding dimension, P pairs, Q queries that have a right answer.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.pairs import Indices, Scored, distinct, scored
from components.evaluator.metrics.precision import average_precision_at_r
from components.evaluator.metrics.ranked import RECALL_AT, Ranked
from components.evaluator.metrics.ranking import Floats, Integers, Ties, hit_probability, mean
from components.evaluator.metrics.standing import ROWS_PER_TILE, count_across
from components.evaluator.metrics.unit_rows import check_same_width, check_unit_rows, is_finite


def retrieval_metrics(
    image_embedding: Floats,
    caption_embedding: Floats,
    caption_count: Integers,
    *,
    ties: Ties = "expected",
    rows_per_tile: int = ROWS_PER_TILE,
) -> dict[str, float]:
    """Compute R@1, R@5 and R@10 in both directions over one gallery.

        i2t_recall_at_k: share of the images of which at least one own caption is among the k captions most similar
        t2i_recall_at_k: share of the captions whose image is among the k images most similar

    An image without a caption stands in the gallery but asks nothing.

    Args:
      image_embedding: [N, D], unit length.
      caption_embedding: [M, D], unit length; the captions of image 0 first, then those of image 1, ...
      caption_count: [N] captions of each image; their sum is M.
      ties: how equal similarities are ranked, as `ranking.py` says.
      rows_per_tile: images, and captions, that are compared at once; the numbers do not depend on it.

    Returns:
      `{i2t,t2i}_recall_at_k` and `chance_{i2t,t2i}_recall_at_k` for k in RECALL_AT, `num_images`, `num_captions`.
      Recalls are NaN when an embedding is not finite or there is no caption: such a gallery has no ranks.

    Raises:
      ValueError: caption_count does not add up to the captions, or does not have a count for each image; a row is not
        of unit length.

    Reference: retrieval as ALIGN reports it on Flickr30K and MSCOCO, arXiv:2102.05918.
    """
    images, captions = len(image_embedding), len(caption_embedding)
    own = own_pairs(caption_count, images, captions)
    facts = {"num_images": float(images), "num_captions": float(captions)}
    counts = caption_count[caption_count > 0]  # [images that ask]
    chance = {f"chance_i2t_recall_at_{k}": mean(hit_probability(0, captions, counts, k)) for k in RECALL_AT}
    chance |= {f"chance_t2i_recall_at_{k}": min(k / images, 1.0) if images else math.nan for k in RECALL_AT}
    if not captions or not is_finite(image_embedding) or not is_finite(caption_embedding):
        recalls = {f"{way}_recall_at_{k}": math.nan for way in ("i2t", "t2i") for k in RECALL_AT}
        return recalls | chance | facts

    ranked = rank_across(image_embedding, caption_embedding, own, own[:, ::-1], ties=ties, rows_per_tile=rows_per_tile)
    recalls = {f"{way}_recall_at_{k}": mean(of.hits(k)) for way, of in ranked.items() for k in RECALL_AT}
    return recalls | chance | facts


def own_pairs(caption_count: Integers, images: int, captions: int) -> Indices:
    """Returns [M, 2] (image, its own caption), for captions that stand in the order of their images.

    Args:
      caption_count: [N] captions of each image.
      images, captions: N and M.

    Raises:
      ValueError: the counts are not one an image, or do not add up to the captions.
    """
    if len(caption_count) != images or int(np.sum(caption_count)) != captions:
        raise ValueError(
            f"caption_count has {len(caption_count)} counts that add up to {int(np.sum(caption_count))} for {images} "
            f"images and {captions} captions; give one count an image, adding up to the captions"
        )
    return np.stack([np.repeat(np.arange(images), caption_count), np.arange(captions)], axis=1)


def rank_across(
    image_embedding: Floats,
    caption_embedding: Floats,
    image_to_text: Integers,
    text_to_image: Integers,
    *,
    ties: Ties = "expected",
    rows_per_tile: int = ROWS_PER_TILE,
) -> dict[str, Ranked]:
    """Rank the gallery for each image and each caption that has a right answer.

    Args:
      image_embedding: [N, D], unit length.
      caption_embedding: [M, D], unit length.
      image_to_text: [P, 2] (image that asks, caption that is right).
      text_to_image: [P, 2] (caption that asks, image that is right). Either list may be empty.
      ties: how equal similarities are ranked, as `ranking.py` says.
      rows_per_tile: images, and captions, that are compared at once; the numbers do not depend on it.

    Returns:
      "i2t" and "t2i" -> where the best right answers stand; a way in which nothing asks is left out.

    Raises:
      ValueError: an index points at nothing, nothing asks, or a row is not finite or not of unit length.
    """
    ways = _scored_ways(image_embedding, caption_embedding, image_to_text, text_to_image, ties)
    i2t, t2i = (pairs.only(pairs.firsts()) for pairs in ways.values())
    standings = count_across(image_embedding, caption_embedding, i2t, t2i, ties, rows_per_tile=rows_per_tile)
    tables = (image_embedding, caption_embedding)
    return {
        way: Ranked.of(standing, pairs, np.full(len(standing.pairs), len(answering)), len(asking), ties)
        for (way, pairs), standing, asking, answering in zip(ways.items(), standings, tables, tables[::-1], strict=True)
        if len(pairs)
    }


def precision_across(
    image_embedding: Floats,
    caption_embedding: Floats,
    image_to_text: Integers,
    text_to_image: Integers,
    *,
    ties: Ties = "expected",
    rows_per_tile: int = ROWS_PER_TILE,
) -> dict[str, NDArray[np.float64]]:
    """Compute mAP@R in both directions: each right answer counts, where a recall counts the best one.

    Args and raises: as for `rank_across`.

    Returns:
      `i2t_map_at_r` and `t2i_map_at_r` -> [Q], in the order of `rank_across`; the mean is the number.

    Reference: ECCV Caption, arXiv:2204.03359.
    """
    ways = _scored_ways(image_embedding, caption_embedding, image_to_text, text_to_image, ties)
    i2t, t2i = ways.values()
    standings = count_across(image_embedding, caption_embedding, i2t, t2i, ties, rows_per_tile=rows_per_tile)
    return {
        f"{way}_map_at_r": average_precision_at_r(standing, ties)
        for way, standing in zip(ways, standings, strict=True)
        if len(standing.pairs)
    }


def mean_recall_values(i2t: Ranked, t2i: Ranked, owner: Integers, images: int) -> NDArray[np.float64]:
    """Compute each image's share in mean recall, the mean of R@1, R@5 and R@10 over both directions.

    Their mean is mean recall: an image brings its own hits and those of its captions, each weighed by how much it
    counts in its direction. So intervals and paired tests draw images, with all that belongs to them.

    Args:
      i2t, t2i: both ways to ask.
      owner: [M] the image that each caption belongs to.
      images: N.

    Returns:
      [n], one for each image that asks or of which a caption asks.

    Reference: Multi30k's mean recall as ALIGN reports it, arXiv:2102.05918 section 6.
    """
    share = np.zeros(images, np.float64)
    for ranked, image in ((i2t, i2t.asked), (t2i, owner[t2i.asked])):
        hits = np.mean([ranked.hits(k) for k in RECALL_AT], axis=0)  # [Q]
        share += np.bincount(image, weights=hits / len(hits), minlength=images) / 2
    there = np.union1d(i2t.asked, owner[t2i.asked])
    return share[there] * len(there)


def _scored_ways(
    images: Floats, captions: Floats, image_to_text: Integers, text_to_image: Integers, ties: Ties
) -> dict[str, Scored]:
    check_unit_rows("image_embedding", images)
    check_unit_rows("caption_embedding", captions)
    check_same_width("image_embedding", images, "caption_embedding", captions)
    if not len(image_to_text) and not len(text_to_image):
        raise ValueError(
            f"no query has a right answer among {len(images)} images and {len(captions)} captions, so nothing can be "
            "found; give at least one right pair"
        )
    forward = distinct("image_to_text", image_to_text, len(images), len(captions))
    backward = distinct("text_to_image", text_to_image, len(captions), len(images))
    return {"i2t": scored(images, captions, forward, ties), "t2i": scored(captions, images, backward, ties)}
