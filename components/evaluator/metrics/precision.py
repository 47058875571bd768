"""Mean average precision at R, a query's right answers: how many of the first R candidates are right, and how early.

        AP@R = 1/R * sum over places r = 1 .. R that hold a right answer of (right answers among the first r) / r

Reference: A Metric Learning Reality Check, arXiv:2003.08505, section 3.2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.ranking import Ties
from components.evaluator.metrics.standing import Standing


def average_precision_at_r(standing: Standing, ties: Ties) -> NDArray[np.float64]:
    """Compute AP@R of each query.

    With ties expected, it is the mean over all orders of equals. Of t equals behind `above` candidates, of which g are
    right and h right ones stand above, place j holds a right one with probability g / t, and then h + 1 right ones and
    (j - 1) (g - 1) / (t - 1) more of the equals have come.

    Args:
      standing: of all right answers of all queries.
      ties: how equals are ranked.

    Returns:
      [Q], by ascending query.
    """
    pairs = standing.pairs
    first = np.flatnonzero(pairs.firsts())  # [Q] the first pair of each query
    right = np.diff(np.r_[first, len(pairs)])  # [Q] R
    query = np.repeat(np.arange(len(first)), right)  # [P]
    found = np.arange(len(pairs)) - first[query]  # [P] right answers that come before this one
    if ties == "index":
        rank = standing.above + standing.before + 1
        terms = np.where(rank <= right[query], (found + 1) / rank, 0.0)
        return np.bincount(query, weights=terms, minlength=len(first)) / right

    new_score = np.r_[True, pairs.similarity[1:] != pairs.similarity[:-1]][: len(pairs)]
    group = np.flatnonzero(new_score | pairs.firsts())  # the first pair of each group of equals
    winners = np.diff(np.r_[group, len(pairs)])  # g
    above, level, ahead, asking = standing.above[group], standing.level[group], found[group], query[group]
    last = np.minimum(level, right[asking] - above)  # places of the group within the first R
    terms = np.zeros(len(group))
    for place in range(1, int(last.max(initial=0)) + 1):
        there = last >= place
        g, t = winners[there], level[there]
        so_far = ahead[there] + 1 + (place - 1) * (g - 1) / np.maximum(t - 1, 1)
        terms[there] += g / t * so_far / (above[there] + place)
    return np.bincount(asking, weights=terms, minlength=len(first)) / right
