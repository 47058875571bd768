"""How sure a number is: percentile intervals over resampled queries, and a paired test of two models.

Queries are drawn with replacement, as many as there are; the statistic of each draw is one of `draws` values. Queries
that share something, such as the captions of one image, are no independent draws: give what they share as `clusters`,
and whole clusters are drawn. The draws depend on the seed and on how many clusters there are alone, so that all
numbers of one gallery, and both models of a comparison, see the same resamples.

Legend: Q queries, G clusters.

Reference: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 16.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.ranking import Floats, Integers

DRAWS = 1000
LEAST_CLUSTERS = 2  # every resample of one is that one: no width, and any difference would look sure
Statistic = Literal["mean", "median"]


@dataclass(frozen=True)
class Interval:
    """Where the number lies over other queries like these; NaN where fewer than two clusters ask: nothing varies."""

    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """What a second model has over a first one on the same queries.

    Attributes:
      difference: the second one's number minus the first one's.
      low, high: the interval of that difference; NaN as an Interval's.
      p_value: two-sided, twice the share of resamples on the far side of 0; never below 2 / (draws + 1); NaN likewise.
    """

    difference: float
    low: float
    high: float
    p_value: float


def interval(
    values: Floats,
    *,
    clusters: Integers | None = None,
    draws: int = DRAWS,
    level: float = 0.95,
    seed: int = 0,
    statistic: Statistic = "mean",
) -> Interval:
    """Compute the percentile interval of the mean or median of one number per query.

    Args:
      values: [Q], one a query.
      clusters: [Q] what each query shares with others, any whole numbers; None where every query stands alone.
      draws: resamples.
      level: share of the resamples inside the interval.
      seed: of the resamples.
      statistic: of the values.

    Raises:
      ValueError: a value is NaN, `clusters` is of another length, or `draws` or `level` is out of range.
    """
    _check(draws, level)
    if not len(values):
        return Interval(math.nan, math.nan)
    of_drawn, groups = _statistic_of(values, clusters, statistic), _cluster_count(values, clusters)
    if groups < LEAST_CLUSTERS:
        return Interval(math.nan, math.nan)
    return Interval(*_ends(_resample(of_drawn, groups, draws, seed), level))


def paired(
    first: Floats,
    second: Floats,
    *,
    clusters: Integers | None = None,
    draws: int = DRAWS,
    level: float = 0.95,
    seed: int = 0,
    statistic: Statistic = "mean",
) -> Paired:
    """Test whether a second model's number differs from a first one's, on the same resamples of the same queries.

    Args:
      first, second: [Q], the same query in the same place.
      clusters, draws, level, seed, statistic: as for `interval`.

    Raises:
      ValueError: as for `interval`, or the two have not the same queries.
    """
    _check(draws, level)
    if len(first) != len(second):
        raise ValueError(f"the models answered {len(first)} and {len(second)} queries; compare them on the same ones")
    if not len(first):
        return Paired(math.nan, math.nan, math.nan, math.nan)
    of_first, of_second = (_statistic_of(values, clusters, statistic) for values in (first, second))

    def difference(drawn: NDArray[np.int64]) -> float:
        return of_second(drawn) - of_first(drawn)

    groups = _cluster_count(first, clusters)
    if groups < LEAST_CLUSTERS:
        return Paired(difference(np.arange(groups)), math.nan, math.nan, math.nan)
    sampled = _resample(difference, groups, draws, seed)
    fewer = 1 + min(int(np.sum(sampled <= 0)), int(np.sum(sampled >= 0)))  # the observed draw counts as one
    p_value = min(1.0, 2 * fewer / (draws + 1))
    return Paired(difference(np.arange(groups)), *_ends(sampled, level), p_value)


def _check(draws: int, level: float) -> None:
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"draws is {draws} and level {level}; give 1 draw or more and a level between 0 and 1")


def _cluster_count(values: Floats, clusters: Integers | None) -> int:
    return len(values) if clusters is None else len(np.unique(clusters))


def _resample(statistic: Callable[[NDArray], float], groups: int, draws: int, seed: int) -> NDArray[np.float64]:
    """Returns the statistic of each draw of `groups` of as many clusters, [draws]."""
    rng = np.random.default_rng(seed)
    return np.array([statistic(rng.integers(0, groups, groups, dtype=np.int32)) for _ in range(draws)])


def _ends(sampled: Floats, level: float) -> tuple[float, float]:
    low, high = np.quantile(sampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _statistic_of(values: Floats, clusters: Integers | None, statistic: Statistic) -> Callable[[NDArray], float]:
    """Returns what gives the statistic of the clusters drawn, [G] of their numbers, some drawn twice."""
    plain = np.asarray(values, np.float64)
    if np.isnan(plain).any():
        raise ValueError(
            f"{int(np.isnan(plain).sum())} of {len(plain)} values are NaN; leave such queries out and count them"
        )
    if clusters is None:
        of_query = np.arange(len(plain))
    elif len(clusters) != len(plain):
        raise ValueError(f"{len(clusters)} clusters for {len(plain)} values; give one a value")
    else:
        of_query = np.unique(clusters, return_inverse=True)[1]
    return _mean_of(plain, of_query) if statistic == "mean" else _median_of(plain, of_query)


def _mean_of(values: NDArray[np.float64], cluster: Integers) -> Callable[[NDArray], float]:
    total, size = np.bincount(cluster, weights=values), np.bincount(cluster).astype(np.float64)  # [G], [G]

    def mean(drawn: NDArray) -> float:
        return float(total[drawn].sum() / size[drawn].sum())

    return mean


def _median_of(values: NDArray[np.float64], cluster: Integers) -> Callable[[NDArray], float]:
    order = np.argsort(values, kind="stable")
    ascending, cluster_of = values[order], cluster[order]  # [Q], [Q]

    def median(drawn: NDArray) -> float:
        times = np.bincount(drawn, minlength=int(cluster.max()) + 1)[cluster_of]  # [Q] how often each value was drawn
        upto = np.cumsum(times)
        middle = [(upto[-1] - 1) // 2, upto[-1] // 2]  # the same place where the number drawn is odd
        return float(ascending[np.searchsorted(upto, middle, side="right")].mean())

    return median
