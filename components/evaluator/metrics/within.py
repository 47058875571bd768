"""Retrieval within one modality: captions that ask for captions, images that ask for images.

A query is never a candidate for itself, and what is excluded for it is taken out of the gallery; other copies of it
stay, as they do in the published protocol.

Legend: N rows, D embedding dimension, P pairs, Q queries that have a right answer.

Reference: CxC's text-text and image-image retrieval, arXiv:2004.15020, section 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.pairs import Indices, Scored, distinct, scored, similarity_of
from components.evaluator.metrics.precision import average_precision_at_r
from components.evaluator.metrics.ranked import Ranked
from components.evaluator.metrics.ranking import Floats, Integers, Ties
from components.evaluator.metrics.standing import ROWS_PER_TILE, Standing, count_within
from components.evaluator.metrics.unit_rows import check_unit_rows


def rank_within(
    embedding: Floats,
    pairs: Integers,
    excluded: Integers,
    *,
    ties: Ties = "expected",
    rows_per_tile: int = ROWS_PER_TILE,
) -> Ranked:
    """Rank all other rows for each row that has a right answer.

    Args:
      embedding: [N, D], unit length.
      pairs: [P, 2] (row that asks, row that is right); a pair that holds both ways is listed both ways.
      excluded: [E, 2] (row that asks, row that is no candidate for it), beside itself.
      ties: how equal similarities are ranked, as `ranking.py` says.
      rows_per_tile: rows that are compared at once; the numbers do not depend on it.

    Raises:
      ValueError: an index points at nothing, nothing asks, a right answer is the query or excluded for it, or a row is
        not finite or not of unit length.
    """
    right, out = _right_and_out(embedding, pairs, excluded, ties)
    best = right.only(right.firsts())
    standing = count_within(embedding, best, ties, rows_per_tile=rows_per_tile)
    taken = _take_out(standing, embedding, out, ties)
    return Ranked.of(standing, right, len(embedding) - taken, len(embedding), ties)


def precision_within(
    embedding: Floats,
    pairs: Integers,
    excluded: Integers,
    *,
    ties: Ties = "expected",
    rows_per_tile: int = ROWS_PER_TILE,
) -> NDArray[np.float64]:
    """Compute AP@R of each query, [Q] in the order of `rank_within`, which says what is given and what is raised."""
    right, out = _right_and_out(embedding, pairs, excluded, ties)
    standing = count_within(embedding, right, ties, rows_per_tile=rows_per_tile)
    _take_out(standing, embedding, out, ties)
    return average_precision_at_r(standing, ties)


def queries_with_copies(embedding: Floats, pairs: Integers, excluded: Integers) -> int:
    """Count the queries that have a copy of themselves in the gallery which is neither right nor excluded.

    No model ranks anything above such a copy, so such a query can hardly be answered.

    Args:
      embedding, pairs, excluded: as for `rank_within`.
    """
    content = np.array([hash(row.tobytes()) for row in embedding], np.int64)  # [N]
    _, group, size = np.unique(content, return_inverse=True, return_counts=True)
    asked = np.unique(pairs[:, 0])
    copies = size[group] - 1  # [N]
    known = np.unique(np.concatenate([pairs, excluded]), axis=0)
    known = known[(known[:, 0] != known[:, 1]) & (group[known[:, 0]] == group[known[:, 1]])]
    np.subtract.at(copies, known[:, 0], 1)
    return int(np.count_nonzero(copies[asked] > 0))


def _right_and_out(embedding: Floats, pairs: Integers, excluded: Integers, ties: Ties) -> tuple[Scored, Indices]:
    """Returns right pairs with their similarities, and [E, 2] what is no candidate for whom, itself included."""
    check_unit_rows("embedding", embedding)
    rows = len(embedding)
    right = distinct("pairs", pairs, rows, rows)
    if not len(right):
        raise ValueError(f"no query has a right answer among {rows} rows, so nothing can be found; give one right pair")
    asked = np.unique(right[:, 0])
    listed = distinct("excluded", excluded, rows, rows)
    itself = np.stack([asked, asked], axis=1)
    out = np.unique(np.concatenate([listed[np.isin(listed[:, 0], asked)], itself]), axis=0)
    both = np.intersect1d(right @ [rows, 1], out @ [rows, 1])
    if len(both):
        query, answer = divmod(int(both[0]), rows)
        reason = "itself" if query == answer else "also excluded for it"
        raise ValueError(f"row {answer} is a right answer to row {query} and {reason}; leave out one of the two")
    return scored(embedding, embedding, right, ties), out


def _take_out(standing: Standing, embedding: Floats, out: Indices, ties: Ties) -> Indices:
    """Take excluded candidates out of the counts; returns how many each query has lost, [Q]."""
    similarity = similarity_of(embedding, embedding, out[:, 0], out[:, 1], ties)  # [E]
    query = standing.pairs.query
    start, end = (np.searchsorted(out[:, 0], query, side) for side in ("left", "right"))  # [P], [P]
    pair = np.repeat(np.arange(len(query)), end - start)
    place = np.arange(len(pair)) - np.repeat(np.cumsum(end - start) - (end - start), end - start)
    which = start[pair] + place
    standing.add(pair, out[which, 1], similarity[which], sign=-1)
    return (end - start)[standing.pairs.firsts()]
