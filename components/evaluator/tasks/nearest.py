"""What each query's best right answer and best wrong answer are, and by how much the wrong one is ahead.

Legend: A rows that may ask, Q rows that do, B answers to choose from, D embedding dimension, R queries in a chunk.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.evaluator.datasets.kinds import Indices, no_pairs
from components.evaluator.metrics.ranking import Floats

CELLS_PER_CHUNK = 4_000_000  # similarities held at once: 16 MB


class Nearest(NamedTuple):
    """The best wrong and the best right answer of each query, and the similarity of the first minus the second's."""

    asked: NDArray[np.int64]  # [Q] rows that have a right answer, ascending
    got: NDArray[np.int64]  # [Q]; the right one where no answer is wrong
    right: NDArray[np.int64]  # [Q]
    margin: NDArray[np.float64]  # [Q], above 0 where a wrong answer is ahead; -inf where no answer is wrong


def nearest(asking: Floats, answering: Floats, pairs: Indices, excluded: Indices | None = None) -> Nearest:
    """Find the best right and the best wrong answer of each row that has a right one.

    Args:
      asking: [A, D], unit length.
      answering: [B, D], unit length.
      pairs: [P, 2] (row that asks, answer that is right).
      excluded: [E, 2] (row, what is no answer to it, right or wrong).

    Returns:
      Indices into `asking` and `answering`.
    """
    excluded = no_pairs() if excluded is None else excluded
    asked = np.unique(pairs[:, 0])
    pairs, excluded = _by_place(pairs, asked), _by_place(excluded, asked)
    got, right = np.zeros(len(asked), np.int64), np.zeros(len(asked), np.int64)
    margin = np.zeros(len(asked), np.float64)
    step = max(1, CELLS_PER_CHUNK // max(1, len(answering)))
    for start in range(0, len(asked), step):
        rows = slice(start, start + step)
        similarity = asking[asked[rows]] @ answering.T  # [R, D] @ [D, B]
        similarity[_within(excluded, rows)] = -np.inf
        own = _within(pairs, rows)
        best = np.full_like(similarity, -np.inf)
        best[own] = similarity[own]
        similarity[own] = -np.inf
        right[rows], got[rows] = best.argmax(axis=1), similarity.argmax(axis=1)
        margin[rows] = similarity.max(axis=1) - best.max(axis=1)
    return Nearest(asked, np.where(np.isfinite(margin), got, right), right, margin)


def _by_place(pairs: Indices, asked: NDArray[np.int64]) -> Indices:
    """Returns the pairs of rows in `asked`, by their place in it, ascending."""
    held = pairs[np.isin(pairs[:, 0], asked)]
    held = held[np.argsort(held[:, 0], kind="stable")]
    return np.stack([np.searchsorted(asked, held[:, 0]), held[:, 1]], axis=1)


def _within(pairs: Indices, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the cells of a chunk that the pairs, ascending by row, mark."""
    first, last = np.searchsorted(pairs[:, 0], [rows.start, rows.stop])
    return pairs[first:last, 0] - rows.start, pairs[first:last, 1]
