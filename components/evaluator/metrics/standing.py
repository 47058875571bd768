"""Where given answers stand among all candidates: the one pass over all similarities, a tile at a time.

Each tile is multiplied in float32, which says of nearly every candidate on which side of an answer it is. Only the
candidates that are nearer to it than float32 can err are multiplied again in float64. So the counts are those of exact
arithmetic on the grid, whatever the tiles, at float32's speed; memory is that of one tile.

Legend: L rows on the left, R rows on the right, D embedding dimension, P pairs, m x n rows of a tile.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.pairs import Indices, Scored, similarity_of
from components.evaluator.metrics.ranking import STEPS_PER_UNIT, Floats, Ties, compared_by

ROWS_PER_TILE = 1024  # 1024 x 1024 float32 hold 4 MB
UNIT_ROUNDOFF = 2.0**-24  # of float32
DENSE_SHARE = 1 / 64  # of a tile's candidates, above which it is multiplied in float64 as a whole
BYTE_SUM = 255  # so many zeros and ones add up in one byte
WORD = 8  # bytes that are added at once


class Standing:
    """How many candidates stand above each pair's answer, or level with it.

    Attributes:
      pairs: P.
      above: [P] candidates that score more.
      level: [P] candidates that score the same, the answer included.
      before: [P] those of them that have a smaller index.
    """

    def __init__(self, pairs: Scored) -> None:
        self.pairs = pairs
        self.above, self.level, self.before = (np.zeros(len(pairs), np.int64) for _ in range(3))

    def add(self, pair: Indices, candidate: Indices, similarity: NDArray, sign: int = 1) -> None:
        """Count candidates whose similarity to the pair's query is known exactly.

        Args:
          pair: [c] indices of pairs, some of them more than once.
          candidate: [c] indices of rows.
          similarity: [c].
          sign: 1 to add, -1 to take away.
        """
        own = self.pairs.similarity[pair]
        equal = similarity == own
        for counts, which in (
            (self.above, similarity > own),
            (self.level, equal),
            (self.before, equal & (candidate < self.pairs.answer[pair])),
        ):
            np.add.at(counts, pair[which], sign)


@dataclass(frozen=True)
class _Layer:
    """Pairs of which no two are of one query, so that a tile's rows and their answers are compared row by row."""

    pair: Indices  # indices of pairs, ascending by query
    query: Indices


def _layers(pairs: Scored) -> list[_Layer]:
    """Returns the best pairs of all queries, then the second ones, ..."""
    first = np.flatnonzero(pairs.firsts())
    depth = np.arange(len(pairs)) - np.repeat(first, np.diff(np.r_[first, len(pairs)]))  # [P] place within its query
    order = np.argsort(depth, kind="stable")
    bounds = np.r_[0, np.cumsum(np.bincount(depth))]
    chosen = [order[start:end] for start, end in itertools.pairwise(bounds)]
    return [_Layer(pair, pairs.query[pair]) for pair in chosen]


def count_across(
    left: Floats, right: Floats, forward: Scored, backward: Scored, ties: Ties, *, rows_per_tile: int = ROWS_PER_TILE
) -> tuple[Standing, Standing]:
    """Count what stands above and level with each answer, in both directions at once.

    Args:
      left: [L, D], unit length.
      right: [R, D], unit length.
      forward: pairs of a left row that asks and a right row that answers.
      backward: pairs of a right row that asks and a left row that answers.
      ties: how similarities are compared.
      rows_per_tile: of either side.
    """
    tiles = (
        (rows, columns, True)
        for rows in _slices(len(left), rows_per_tile)
        for columns in _slices(len(right), rows_per_tile)
    )
    counts = Standing(forward), Standing(backward)
    _count(left, right, *counts, tiles, ties, rows_per_tile)
    return counts


def count_within(rows: Floats, pairs: Scored, ties: Ties, *, rows_per_tile: int = ROWS_PER_TILE) -> Standing:
    """Count the same among the rows of one table, of which each is a candidate for itself too.

    Each pair of rows is multiplied once and counted for both.
    """
    slices = [*_slices(len(rows), rows_per_tile)]
    tiles = ((slices[i], slices[j], i != j) for i in range(len(slices)) for j in range(i, len(slices)))
    counts = Standing(pairs)
    _count(rows, rows, counts, counts, tiles, ties, rows_per_tile)
    return counts


def _slices(size: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, size)) for start in range(0, size, step))


def _count(
    left: Floats,
    right: Floats,
    forward: Standing,
    backward: Standing,
    tiles: Iterator[tuple[slice, slice, bool]],
    ties: Ties,
    size: int,
) -> None:
    """Go through the tiles; those that say so are counted backward too."""
    # |fl(x.y) - x.y| <= D u |x| |y|, and rows are of unit length within 1 %; rounding the rows to float32 adds 2 u.
    error = 1.1 * (left.shape[1] + 4) * UNIT_ROUNDOFF + 1 / STEPS_PER_UNIT
    ways = (_Way(forward, error), _Way(backward, error))
    buffer = np.empty(size * size, np.float32)
    masks = _Masks(size)
    held, left_rows = None, np.empty((0, 0), np.float32)
    for rows, columns, both in tiles:
        if rows != held:
            held, left_rows = rows, np.ascontiguousarray(left[rows], np.float32)  # [m, D]
        right_rows = np.ascontiguousarray(right[columns], np.float32)  # [n, D]
        shape = (len(left_rows), len(right_rows))
        tile = _Tile(
            np.matmul(left_rows, right_rows.T, out=buffer[: shape[0] * shape[1]].reshape(shape)),
            left,
            right,
            rows,
            columns,
            ties,
        )
        ways[0].count_rows(tile, masks)
        if both:
            ways[1].count_columns(tile, masks)


@dataclass
class _Tile:
    """Similarities of some left rows to some right rows.

    Attributes:
      rough: [m, n] in float32.
    """

    rough: NDArray[np.float32]
    left: Floats
    right: Floats
    rows: slice
    columns: slice
    ties: Ties

    def at(self, row: Indices, column: Indices) -> NDArray[np.float64]:
        """Returns exact similarities at [c] places of the tile."""
        return similarity_of(self.left, self.right, row + self.rows.start, column + self.columns.start, self.ties)

    @cached_property
    def exact(self) -> NDArray[np.float64]:
        """All of them, [m, n]."""
        product = self.left[self.rows].astype(np.float64) @ self.right[self.columns].astype(np.float64).T
        return compared_by(product, self.ties)


class _Masks:
    """Memory for what is above an answer for sure, and what is not below it for sure, used again for each tile."""

    def __init__(self, size: int) -> None:
        self._above, self._not_below = np.empty((2, size * _whole_words(size)), np.bool_)

    def compare(
        self, rough: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Returns `rough > high` and `rough >= low`, [a, b] each, in rows of whole words with zeros behind."""
        rows, columns = rough.shape
        width = _whole_words(columns)
        above, not_below = (each[: rows * width].reshape(rows, width) for each in (self._above, self._not_below))
        np.greater(rough, high, out=above[:, :columns])
        np.greater_equal(rough, low, out=not_below[:, :columns])
        above[:, columns:] = not_below[:, columns:] = False
        return above, not_below


class _Way:
    """The answers of one direction, with the bounds that float32 is sure of."""

    def __init__(self, counts: Standing, error: float) -> None:
        self._counts = counts
        self._layers = _layers(counts.pairs)
        self._low = (counts.pairs.similarity - error).astype(np.float32)  # [P]
        self._high = (counts.pairs.similarity + error).astype(np.float32)

    def count_rows(self, tile: _Tile, masks: _Masks) -> None:
        """Count a tile's columns for the pairs whose query is one of its rows."""
        for layer in self._layers:
            pair, row = _inside(layer, tile.rows)
            if not len(pair):
                continue
            rough = tile.rough if len(row) == len(tile.rough) else tile.rough[row]  # [p, n]
            sure, near = masks.compare(rough, self._low[pair, None], self._high[pair, None])
            above, not_below = _row_counts(sure), _row_counts(near)
            self._counts.above[pair] += above
            unsure = int(np.sum(not_below - above))
            if not unsure:
                continue
            if unsure > DENSE_SHARE * rough.size:
                self._counts.above[pair] -= above
                self._count_exactly(pair, tile.exact[row], tile.columns)
                continue
            which, column = _places(np.logical_xor(near, sure, out=near))
            self._counts.add(pair[which], column + tile.columns.start, tile.at(row[which], column))

    def count_columns(self, tile: _Tile, masks: _Masks) -> None:
        """Count a tile's rows for the pairs whose query is one of its columns."""
        for layer in self._layers:
            pair, column = _inside(layer, tile.columns)
            if not len(pair):
                continue
            whole = len(column) == tile.rough.shape[1]
            rough = tile.rough if whole else tile.rough[:, column]  # [m, p]
            sure, near = masks.compare(rough, self._low[pair], self._high[pair])
            above, not_below = _column_counts(sure)[: len(pair)], _column_counts(near)[: len(pair)]
            self._counts.above[pair] += above
            unsure = int(np.sum(not_below - above))
            if not unsure:
                continue
            if unsure > DENSE_SHARE * rough.size:
                self._counts.above[pair] -= above
                self._count_exactly(pair, tile.exact[:, column].T, tile.rows)
                continue
            row, which = _places(np.logical_xor(near, sure, out=near))
            self._counts.add(pair[which], row + tile.rows.start, tile.at(row, column[which]))

    def _count_exactly(self, pair: Indices, exact: NDArray[np.float64], candidates: slice) -> None:
        """Count for each pair its row of `exact`, [p, candidates]."""
        own = self._counts.pairs.similarity[pair, None]
        equal = exact == own
        earlier = np.arange(candidates.start, candidates.stop) < self._counts.pairs.answer[pair, None]
        self._counts.above[pair] += np.count_nonzero(exact > own, axis=1)
        self._counts.level[pair] += np.count_nonzero(equal, axis=1)
        self._counts.before[pair] += np.count_nonzero(equal & earlier, axis=1)


def _inside(layer: _Layer, rows: slice) -> tuple[Indices, Indices]:
    """Returns the pairs whose query is one of the rows, and where in the slice it is."""
    start, end = np.searchsorted(layer.query, [rows.start, rows.stop])
    return layer.pair[start:end], layer.query[start:end] - rows.start


def _whole_words(columns: int) -> int:
    return -(-columns // WORD) * WORD


def _places(mask: NDArray[np.bool_]) -> tuple[Indices, Indices]:
    """Returns row and column of what is true, of which there is little, in rows of whole words."""
    words = np.flatnonzero(mask.view(np.uint64))
    which, byte = np.nonzero(mask.reshape(-1, WORD)[words])
    row, column = np.divmod(words[which], mask.shape[1] // WORD)
    return row, WORD * column + byte


def _row_counts(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count in rows of whole words: eight columns are added at once, each in a byte of its own."""
    words = mask.view(np.uint64)
    counts = np.zeros(len(mask), np.int64)
    for start in range(0, words.shape[1], BYTE_SUM):
        sums = np.add.reduce(words[:, start : start + BYTE_SUM], axis=1)
        counts += sums.view(np.uint8).reshape(-1, WORD).sum(axis=1, dtype=np.int64)
    return counts


def _column_counts(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    counts = np.zeros(mask.shape[1], np.int64)
    for start in range(0, len(mask), BYTE_SUM):
        counts += np.add.reduce(mask[start : start + BYTE_SUM].view(np.uint8), axis=0, dtype=np.uint8)
    return counts
