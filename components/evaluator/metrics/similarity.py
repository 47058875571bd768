"""Semantic similarity: do a model's cosines order pairs as people's ratings do? Spearman's correlation and resamples.

CxC's STS, SIS and SITS (`crisscrossed_correlations`) and word lists such as SimLex-999 (`resampled_correlations`).

Legend: P pairs, D embedding dimension, Q queries, L levels (distinct values).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.ranking import STEPS_PER_UNIT, Floats, Integers, grid_similarity_of_rows
from components.evaluator.metrics.unit_rows import check_same_width, check_unit_rows

DRAWS = 1000  # as CxC has it
PAIRS_PER_CHUNK = 65_536  # 65 536 x 640 hold 335 MB


@dataclass(frozen=True)
class Correlations:
    """Spearman's correlation over many resamples.

    The same seed gives the same resamples of the same pairs for every model, so that two models' `draws` are paired.

    Attributes:
      draws: those that exist.
      undefined: resamples that have none: one side of theirs was constant.
    """

    draws: NDArray[np.float64]
    undefined: int

    @property
    def mean(self) -> float:
        """The mean over the draws; NaN without any."""
        return float(np.mean(self.draws)) if len(self.draws) else math.nan

    @property
    def deviation(self) -> float:
        """The standard deviation over the draws; NaN without any."""
        return float(np.std(self.draws)) if len(self.draws) else math.nan


def pair_similarity(left: Floats, right: Floats, left_index: Integers, right_index: Integers) -> NDArray[np.float64]:
    """Compute the cosine of each rated pair, on the grid of `ranking`, so that equal pairs tie however batched.

    Args:
      left, right: [., D], unit length, the tables that the indices point into; one may be the other.
      left_index, right_index: [P].

    Returns:
      [P].

    Raises:
      ValueError: an embedding is no unit vector.
    """
    check_unit_rows("left", left)
    check_unit_rows("right", right)
    check_same_width("left", left, "right", right)
    similarity = np.empty(len(left_index), np.float64)
    for start in range(0, len(left_index), PAIRS_PER_CHUNK):
        rows = slice(start, start + PAIRS_PER_CHUNK)
        similarity[rows] = grid_similarity_of_rows(left[left_index[rows]], right[right_index[rows]])
    return similarity / STEPS_PER_UNIT


def spearman(left: Floats, right: Floats) -> float:
    """Compute Spearman's rank correlation: Pearson's of the ranks, where equals share the mean of their ranks.

    Args:
      left, right: [P].

    Returns:
      From -1 to 1; NaN where a side is constant or there are fewer than 2 pairs, as no order can be compared there.

    Raises:
      ValueError: the sides are of unlike length, or hold NaN, which has no rank.
    """
    return _Leveled(left, right).correlation(np.arange(len(left)))


def crisscrossed_correlations(
    query: Integers, similarity: Floats, ratings: Floats, *, draws: int = DRAWS, seed: int = 0
) -> Correlations:
    """Draw CxC's bootstrap: for each draw half of the queries, and for each of these one of its rated pairs.

    Ratings of one query's pairs depend on each other; a draw has one of them alone. Half of the queries, rounded down,
    are drawn without replacement, and one pair of each with equal probability. The published figures are the mean over
    1000 draws and their standard deviation. The paper does not say which side asks; give the first column of CxC's
    files as the query.

    Args:
      query: [P] which item asks in each pair.
      similarity: [P] of the model.
      ratings: [P] of people.
      draws: how many.
      seed: of the draws.

    Raises:
      ValueError: the arrays are of unlike length, or hold NaN.

    Reference: Parekh et al., "Crisscrossed Captions", section 5, arXiv:2004.15020. Its code was not published; the
    protocol is told in full by Jiang et al., arXiv:2203.06875.
    """
    sides = _Leveled(similarity, ratings)
    if len(query) != len(ratings):
        raise ValueError(f"query has {len(query)} entries for {len(ratings)} ratings; give one a pair")
    order = np.argsort(query, kind="stable")  # the pairs of one query side by side
    _, first, pairs = np.unique(np.asarray(query)[order], return_index=True, return_counts=True)  # [Q] each
    random = np.random.default_rng(seed)
    values = []
    for _ in range(draws):
        chosen = random.permutation(len(first))[: len(first) // 2]
        offset = random.integers(pairs[chosen])
        values.append(sides.correlation(order[first[chosen] + offset]))
    return _split(values)


def resampled_correlations(similarity: Floats, ratings: Floats, *, draws: int = DRAWS, seed: int = 0) -> Correlations:
    """Draw the pairs anew with replacement, as many as there are, for an interval around `spearman` of all.

    Args:
      similarity: [P] of the model.
      ratings: [P] of people.
      draws: how many.
      seed: of the draws.

    Raises:
      ValueError: the sides are of unlike length, or hold NaN.

    Reference: SimLex-999 is judged by Spearman's correlation over its 999 pairs; Hill et al., arXiv:1408.3456.
    """
    sides = _Leveled(similarity, ratings)
    random = np.random.default_rng(seed)
    return _split([sides.correlation(random.integers(len(ratings), size=len(ratings))) for _ in range(draws)])


class _Leveled:
    """Two columns as levels 0, 1, ... in the order of their values: ranks of any part are counted, not sorted."""

    def __init__(self, left: Floats, right: Floats) -> None:
        if len(left) != len(right):
            raise ValueError(f"{len(left)} values stand beside {len(right)}; give one pair of values a pair")
        for values in (left, right):
            broken = np.flatnonzero(np.isnan(values))
            if len(broken):
                raise ValueError(
                    f"value {broken[0]} is NaN, which has no rank ({len(broken)} such); leave its pair out"
                )
        self._sides = [np.unique(values, return_inverse=True)[1].ravel() for values in (left, right)]

    def correlation(self, rows: Integers) -> float:
        """Returns Spearman's correlation of these rows, which may repeat."""
        if len(rows) < 2:
            return math.nan
        left, right = (_centred_ranks(levels[rows]) for levels in self._sides)
        spread = math.sqrt(float(left @ left) * float(right @ right))
        return min(max(float(left @ right) / spread, -1.0), 1.0) if spread else math.nan


def _centred_ranks(levels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns [P] ranks less their mean, which is (P + 1) / 2; equals share the mean of theirs."""
    held = np.bincount(levels)  # [L] how many are of each level
    last = np.cumsum(held)  # [L] the greatest rank of each level
    return (last - (held - 1) / 2)[levels] - (len(levels) + 1) / 2


def _split(values: list[float]) -> Correlations:
    draws = np.array(values, np.float64)
    return Correlations(draws[~np.isnan(draws)], int(np.isnan(draws).sum()))
