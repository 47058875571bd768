"""Right answers as a sparse list of index pairs (row that asks, row that answers), and each query's best one.

Legend: P pairs, Q queries that have a right answer, D embedding dimension.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.ranking import Floats, Integers, Ties, compared_by

Indices = NDArray[np.int64]
PAIRS_PER_CHUNK = 128  # two tables of 128 x 640 float64 hold 1.3 MB, which stay in a cache


@dataclass(frozen=True)
class Scored:
    """Pairs with their similarity, sorted by query, each query's best answer first, equals by index.

    Attributes:
      query, answer: [P] indices of rows.
      similarity: [P] as `ranking.compared_by` has it.
    """

    query: Indices
    answer: Indices
    similarity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.query)

    def firsts(self) -> NDArray[np.bool_]:
        """Returns [P], true at the first pair of each query, which holds its best answer."""
        return np.r_[True, self.query[1:] != self.query[:-1]][: len(self)]

    def only(self, rows: NDArray) -> Scored:
        """Returns some of the pairs, by index or by mask."""
        return Scored(self.query[rows], self.answer[rows], self.similarity[rows])


def distinct(name: str, pairs: Integers, asking: int, answering: int) -> Indices:
    """Returns the pairs sorted by query, each once.

    Args:
      name: what messages call the pairs.
      pairs: [P, 2] (row that asks, row that answers).
      asking, answering: rows that there are.

    Raises:
      ValueError: the table is not of that form, or an index points at nothing.
    """
    table = np.asarray(pairs)
    if table.ndim != 2 or table.shape[1] != 2 or not np.issubdtype(table.dtype, np.integer):
        raise ValueError(f"{name} is {table.dtype} of the shape {table.shape}; give one row of two indices a pair")
    for column, size in enumerate((asking, answering)):
        outside = table[(table[:, column] < 0) | (table[:, column] >= size)]
        if len(outside):
            raise ValueError(f"{name} holds the pair {outside[0].tolist()}, but there are {size} rows, counted from 0")
    keys = np.unique(table[:, 0].astype(np.int64) * max(answering, 1) + table[:, 1])
    return np.stack(np.divmod(keys, max(answering, 1)), axis=1)


def similarity_of(asking: Floats, answering: Floats, query: Integers, answer: Integers, ties: Ties) -> NDArray:
    """Compute the similarity of listed pairs, to the last bit of float64 the same in any company.

    Args:
      asking: [A, D].
      answering: [B, D].
      query, answer: [P] indices.
      ties: how similarities are compared.

    Returns:
      [P] float64.
    """
    product = np.empty(len(query), np.float64)
    for start in range(0, len(query), PAIRS_PER_CHUNK):
        rows = slice(start, start + PAIRS_PER_CHUNK)
        left, right = asking[query[rows]].astype(np.float64), answering[answer[rows]].astype(np.float64)
        product[rows] = np.einsum("pd,pd->p", left, right)  # [P, D] . [P, D]
    return compared_by(product, ties)


def scored(asking: Floats, answering: Floats, pairs: Indices, ties: Ties) -> Scored:
    """Returns the pairs with their similarities, best first within a query."""
    query, answer = pairs[:, 0], pairs[:, 1]
    similarity = similarity_of(asking, answering, query, answer, ties)
    order = np.lexsort((answer, -similarity, query))
    return Scored(query[order], answer[order], similarity[order])
