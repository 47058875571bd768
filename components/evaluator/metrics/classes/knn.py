"""Nearest neighbours: is an image's class among the labels of the training images that are most similar to it?

Legend: N images that ask, M training images, D embedding dimension, R and S of either in a chunk.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.ranking import Floats, Integers, Ties, compared_by, hit_probability
from components.evaluator.metrics.unit_rows import check_same_width, check_unit_rows

TOP = (1, 5)
NONE = -1  # in `right` and `rival`: there is no such training image
IMAGES_PER_CHUNK = 1024
TRAINED_PER_CHUNK = 4096  # 1024 x 4096 hold 34 MB


@dataclass(frozen=True)
class Neighbours:
    """Where the nearest training image of an image's own class stands among all training images.

    Attributes:
      trained: M.
      above: [N] training images of other classes that stand before it for certain.
      level: [N] training images that share its place in random order, itself included; 0 where its class has none.
      winners: [N] those among `level` that are of its class.
      right: [N] the nearest training image of its class, of equals the one with the lowest index; NONE without any.
      rival: [N] the nearest of other classes, likewise.
      margin: [N] similarity of the rival minus that of the right one; NaN where either is missing.
    """

    trained: int
    above: NDArray[np.int64]
    level: NDArray[np.int64]
    winners: NDArray[np.int64]
    right: NDArray[np.int64]
    rival: NDArray[np.int64]
    margin: NDArray[np.float64]

    @property
    def without_training(self) -> int:
        """How many images are of a class that no training image is of; they count as missed."""
        return int(np.sum(self.right == NONE))

    def hits(self, k: int) -> NDArray[np.float64]:
        """Returns [N] probabilities that the own class is among the labels of the k nearest; NaN where k is above M."""
        if k > self.trained:
            return np.full(len(self.above), math.nan)
        held = self.right != NONE
        hits = np.zeros(len(self.above), np.float64)
        hits[held] = hit_probability(self.above[held], self.level[held], self.winners[held], k)
        return hits


def nearest_neighbours(
    embedding: Floats,
    labels: Integers,
    trained_embedding: Floats,
    trained_labels: Integers,
    *,
    ties: Ties = "expected",
    images_per_chunk: int = IMAGES_PER_CHUNK,
    trained_per_chunk: int = TRAINED_PER_CHUNK,
) -> Neighbours:
    """Rank all training images for each image, by cosine. Similarities exist a chunk by a chunk at a time.

    Args:
      embedding: [N, D], unit length.
      labels: [N] classes, 0 or more.
      trained_embedding: [M, D], unit length.
      trained_labels: [M] classes, 0 or more.
      ties: how equals stand and what is equal, as `ranking` has it.
      images_per_chunk, trained_per_chunk: R and S, images compared at once.

    Raises:
      ValueError: an embedding is no unit vector, the labels do not fit, or there is no training image.

    Reference: ImageNet KNN of ALIGN section 6, arXiv:2102.05918: the class is among the first K neighbours' labels.
    """
    own = _checked("embedding", embedding, labels)  # [N]
    taught = _checked("trained_embedding", trained_embedding, trained_labels)  # [M]
    check_same_width("embedding", embedding, "trained_embedding", trained_embedding)
    if not len(taught):
        raise ValueError("trained_embedding has no row; without a training image there is no nearest one")

    best, right, winners = _own_class(
        embedding, own, trained_embedding, taught, ties, images_per_chunk, trained_per_chunk
    )
    images = len(own)
    above, level = np.zeros(images, np.int64), winners.copy()
    rival, nearest = np.full(images, NONE, np.int64), np.full(images, -np.inf)
    for rows in _chunks(images, images_per_chunk):
        goal = best[rows, None]  # [R, 1]
        for columns in _chunks(len(taught), trained_per_chunk):
            similarity = _similarity(embedding[rows], trained_embedding[columns], ties)  # [R, S]
            similarity[own[rows, None] == taught[columns]] = -np.inf  # the own class is counted above
            equal = similarity == goal
            if ties == "index":
                before = np.arange(columns.start, columns.stop) < right[rows, None]
                above[rows] += np.sum(equal & before, axis=1)
            above[rows] += np.sum(similarity > goal, axis=1)
            level[rows] += np.sum(equal, axis=1)
            here = np.argmax(similarity, axis=1)
            value = np.take_along_axis(similarity, here[:, None], axis=1)[:, 0]
            closer = value > nearest[rows]
            nearest[rows] = np.where(closer, value, nearest[rows])
            rival[rows] = np.where(closer, here + columns.start, rival[rows])
    if ties == "index":
        level, winners = np.ones_like(level), np.ones_like(winners)
    known = (right != NONE) & (rival != NONE)
    margin = np.full(images, math.nan)
    margin[known] = nearest[known] - best[known]
    return Neighbours(len(taught), above, level, winners, right, rival, margin)


def neighbour_values(neighbours: Neighbours) -> dict[str, NDArray[np.float64]]:
    """Returns name -> [N] values whose mean is the metric of that name: knn_top_1 and knn_top_5."""
    return {f"knn_top_{k}": neighbours.hits(k) for k in TOP}


def _checked(name: str, embedding: Floats, labels: Integers) -> NDArray[np.int64]:
    check_unit_rows(name, embedding)
    classes = np.asarray(labels, np.int64)
    if classes.shape != (len(embedding),) or np.any(classes < 0):
        raise ValueError(
            f"the labels of {name} have the shape {classes.shape} for {len(embedding)} rows, or one is below 0; give "
            "each image its class, counted from 0"
        )
    return classes


def _similarity(asking: Floats, ranked: Floats, ties: Ties) -> NDArray[np.float64]:
    return compared_by(asking.astype(np.float64) @ ranked.astype(np.float64).T, ties)


def _chunks(total: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, total)) for start in range(0, total, size))


def _own_class(
    embedding: Floats,
    labels: NDArray[np.int64],
    trained_embedding: Floats,
    trained_labels: NDArray[np.int64],
    ties: Ties,
    images_per_chunk: int,
    trained_per_chunk: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Compare each image with the training images of its own class alone.

    Returns:
      [N] the greatest similarity, -inf without any; [N] the first training image that has it, NONE without any; [N] how
      many of the class have it.
    """
    best = np.full(len(labels), -np.inf)
    right, winners = np.full(len(labels), NONE, np.int64), np.zeros(len(labels), np.int64)
    order = np.argsort(trained_labels, kind="stable")  # within a class by index
    in_order = trained_labels[order]
    for label in np.unique(labels):
        asking = np.flatnonzero(labels == label)
        first, last = (np.searchsorted(in_order, label, side=side) for side in ("left", "right"))
        mates = order[first:last]
        for rows in _chunks(len(asking), images_per_chunk):
            asks = asking[rows]
            for columns in _chunks(len(mates), trained_per_chunk):
                similarity = _similarity(embedding[asks], trained_embedding[mates[columns]], ties)  # [R, S]
                here = np.argmax(similarity, axis=1)
                value = np.take_along_axis(similarity, here[:, None], axis=1)[:, 0]
                closer = value > best[asks]
                right[asks] = np.where(closer, mates[columns][here], right[asks])
                greatest = np.maximum(value, best[asks])
                held = np.where(closer, 0, winners[asks])
                winners[asks] = held + np.sum(similarity == greatest[:, None], axis=1)
                best[asks] = greatest
    return best, right, winners
