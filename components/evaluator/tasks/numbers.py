"""Makes a number of its values: the mean or median over queries, with the interval that a bootstrap gives."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.bootstrap import Statistic, interval
from components.evaluator.metrics.ranking import mean
from components.evaluator.tasks.judged import Number, Slice


def number(
    values: NDArray[np.float64],
    *,
    clusters: NDArray[np.int64] | None = None,
    chance: float = math.nan,
    statistic: Statistic = "mean",
) -> Number:
    """Returns the mean or median of values with its interval.

    Args:
      values: [Q] one a query; NaN in any of them makes the number NaN.
      clusters: [Q] queries of one number are drawn together; None draws each by itself.
      chance: what guessing gets.
      statistic: which.
    """
    if not len(values) or np.isnan(values).any():
        return Number(math.nan, queries=len(values), chance=chance)
    around = interval(values, statistic=statistic, clusters=clusters)
    value = mean(values) if statistic == "mean" else float(np.median(values))
    return Number(value, around.low, around.high, len(values), chance)


def slices(
    by: str, names: Mapping[int, str], parts: NDArray[np.int64], per_query: Mapping[str, NDArray[np.float64]]
) -> tuple[Slice, ...]:
    """Returns the numbers of each part of the queries, that with the least first number first.

    Args:
      by: what the parts are of.
      names: part -> what it is called; a part of no query has no slice.
      parts: [Q] the part of each query.
      per_query: name -> [Q].
    """
    made = []
    for part, name in names.items():
        rows = parts == part
        if rows.any():
            made.append(Slice(by, name, {key: number(values[rows]) for key, values in per_query.items()}))
    return tuple(sorted(made, key=_first_value))


def _first_value(part: Slice) -> float:
    return next((number.value for number in part.numbers.values()), math.nan)
