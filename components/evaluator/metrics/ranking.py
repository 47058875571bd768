"""Ranks with ties: how likely a right answer is among the first k, when equals stand in random order.

Two ways to rank candidates whose scores are equal:
  expected  they stand in random order, and each number is what it is on average. Similarities are compared on a grid
            of 2^-20. A model that gives all inputs one embedding gets what guessing gets.
  index     the one that stands first in the gallery is ranked first, as open_clip ranks. Similarities are compared as
            float32. Such a model gets what the gallery's order gives it: a number to show equality by.

Legend: A rows that ask, B rows that are ranked, D embedding dimension.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]
Counts = Integers | int
Ties = Literal["expected", "index"]

# Similarities are compared on a grid of 2^-20, a little above the noise of float32 unit vectors: vectors that are
# equal but for the order of their sums tie, however they were batched. A power of two keeps scaling exact.
STEPS_PER_UNIT = 2.0**20


def on_grid(product: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns dot products in whole steps of 2^-20, of any shape."""
    return np.rint(product * STEPS_PER_UNIT)


def compared_by(product: NDArray[np.float64], ties: Ties) -> NDArray[np.float64]:
    """Returns dot products as they are compared, in units of similarity: on the grid, or rounded to float32."""
    if ties == "expected":
        return on_grid(product) / STEPS_PER_UNIT
    return product.astype(np.float32).astype(np.float64)


def grid_similarity(asking: Floats, ranked: Floats) -> NDArray[np.float64]:
    """Compute all dot products, in whole steps of 2^-20.

    Args:
      asking: [A, D].
      ranked: [B, D].

    Returns:
      [A, B] float64 holding whole numbers.
    """
    product = asking.astype(np.float64) @ ranked.astype(np.float64).T  # [A, D] @ [D, B]
    return on_grid(product)


def grid_similarity_of_rows(asking: Floats, answers: Floats) -> NDArray[np.float64]:
    """Compute the dot product of each row with its own answer, in whole steps of 2^-20.

    Args:
      asking: [A, D].
      answers: [A, D], the answer of the same row.

    Returns:
      [A] float64 holding whole numbers.
    """
    product = np.einsum("ad,ad->a", asking.astype(np.float64), answers.astype(np.float64))  # [A, D] . [A, D]
    return on_grid(product)


def hit_probability(greater: Counts, tied: Counts, right: Counts, k: int) -> NDArray[np.float64]:
    """Compute the probability that a right answer is among the first k.

    The best right answer shares its score with `tied` candidates, itself included, of which `right` are right; they
    stand in random order behind the `greater` candidates that score more. With r = k - greater places left,

        P(hit) = 1 - C(tied - right, r) / C(tied, r)        (hypergeometric), 0 for r <= 0, 1 for r > tied - right.

    Without ties that is the plain hit or miss. A model that gives every input the same embedding gets what guessing
    gets, neither 1 (ties counted as won) nor 0 (ties counted as lost).

    Args:
      greater, tied, right: [A] counts, or one for all; tied >= right >= 1.
      k: places that count, 1 or more.

    Returns:
      [A] probabilities.
    """
    above, level, winners = np.broadcast_arrays(greater, tied, right)
    miss = np.ones(above.shape, np.float64)
    for place in range(k):  # the chance that the candidate drawn for each place left is wrong, as all before it were
        wrong_left = np.maximum(level - winners - place, 0)
        miss = np.where(place < k - above, miss * wrong_left / np.maximum(level - place, 1), miss)
    return 1.0 - miss


def mean(values: Floats) -> float:
    """Average exactly, so that the order of the values does not matter; NaN where there are none."""
    return math.fsum(values.tolist()) / len(values) if len(values) else math.nan
