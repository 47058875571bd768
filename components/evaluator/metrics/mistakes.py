"""The wrong candidate that a model puts first: what a failure shows, and by how much it was missed.

Legend: A rows that ask, B rows that are ranked, D embedding dimension, Q queries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.pairs import Indices, distinct, similarity_of
from components.evaluator.metrics.ranking import Floats, Integers
from components.evaluator.metrics.standing import ROWS_PER_TILE

NOBODY = -1  # where every candidate is right or out


def closest_wrong(
    asking: Floats, answering: Floats, asked: Integers, known: Integers, *, rows_per_tile: int = ROWS_PER_TILE
) -> tuple[Indices, NDArray[np.float64]]:
    """Find the candidate of the highest similarity that is neither right nor out.

    Candidates that float32 cannot tell apart may stand in for each other.

    Args:
      asking: [A, D], unit length.
      answering: [B, D], unit length.
      asked: [Q] rows that ask, ascending.
      known: [K, 2] (row that asks, row that is right or no candidate for it).
      rows_per_tile: of either side, compared at once.

    Returns:
      [Q] index of the candidate, NOBODY where there is none; [Q] its similarity, -inf there.
    """
    pairs = distinct("known", known, len(asking), len(answering))
    found = np.full(len(asked), NOBODY, np.int64)
    highest = np.full(len(asked), -np.inf, np.float32)
    for start in range(0, len(asked), rows_per_tile):
        queries = asked[start : start + rows_per_tile]
        rows = np.asarray(asking[queries], np.float32)  # [m, D]
        mine = pairs[np.isin(pairs[:, 0], queries)]
        row = np.searchsorted(queries, mine[:, 0])
        for first in range(0, len(answering), rows_per_tile):
            similarity = rows @ np.asarray(answering[first : first + rows_per_tile], np.float32).T  # [m, n]
            inside = (mine[:, 1] >= first) & (mine[:, 1] < first + rows_per_tile)
            similarity[row[inside], mine[inside, 1] - first] = -np.inf
            best = similarity.argmax(axis=1)  # [m]
            value = similarity[np.arange(len(queries)), best]
            better = value > highest[start : start + rows_per_tile]
            found[start : start + rows_per_tile][better] = best[better] + first
            highest[start : start + rows_per_tile][better] = value[better]
    there = np.flatnonzero(found != NOBODY)
    similarity = np.full(len(asked), -np.inf)
    similarity[there] = similarity_of(asking, answering, asked[there], found[there], "expected")
    return found, similarity
