"""Cosines of queries and fp16 vectors, and the best of them, in memory that does not grow with the store.

Legend: N vectors, D embedding dimension, K results of a query.
"""

from __future__ import annotations

import numpy as np

from serving.search.shards.schema import FURTHEST_FROM_UNIT

_NUMBERS_AT_ONCE = 1 << 17  # in one float32 block; in smaller ones a scan takes a quarter longer
_ROUNDING = 1e-5  # more than float32 sums of D products differ from exact ones


def cosines(queries: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """cosine(q, x) = q . x / |x|, summed in float64: the same for a pair wherever it is computed.

    Args:
      queries: [D] or [n, D] unit.
      vectors: [n, D] float16.

    Returns:
      [n] float32.
    """
    exact = widened(vectors).astype(np.float64)
    return _cosines(np.broadcast_to(queries.astype(np.float64), exact.shape), exact)


def _cosines(queries: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Returns the cosines [n] float32 of pairs, [n, D] float64 each."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    return (np.einsum("nd,nd->n", vectors, queries) / lengths).astype(np.float32)


def widened(vectors: np.ndarray) -> np.ndarray:
    """Returns finite float16 as float32, several times as fast as NumPy converts them.

    The exponent and the mantissa move to where float32 has them; a product by 2^(127 - 15) mends the exponent's bias.
    """
    bits = np.ascontiguousarray(vectors, "<f2").view("<i2").astype("<i4")  # the sign fills the upper half
    bits <<= 13
    bits &= np.int32(-0x70002000)  # 0x8FFFE000: sign, exponent and mantissa
    wide = bits.view("<f4")
    wide *= np.float32(2.0**112)
    return wide


def scan(queries: np.ndarray, vectors: np.ndarray, rows: np.ndarray, k: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Find the k best of some vectors for each query by reading each of them once.

    Args:
      queries: [Q, D] unit.
      vectors: [N, D] float16, in memory or mapped.
      rows: the rows that count, ascending.
      k: how many.

    Returns:
      for each query the best rows and their cosines, best first, ties by row.
    """
    nearest = [(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _ in queries]
    least = np.full(len(queries), -np.inf, np.float32)  # what a row must score to be among the k best so far
    step = max(1, _NUMBERS_AT_ONCE // vectors.shape[1])
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        block = widened(vectors[some])
        scores = queries @ block.T / np.sqrt(np.einsum("nd,nd->n", block, block))  # [Q, D] x [D, n]
        near = scores >= least[:, None]
        for number in np.flatnonzero(near.any(axis=1)):
            held = np.concatenate([nearest[number][0], some[near[number]]])
            line = np.concatenate([nearest[number][1], scores[number, near[number]]])
            if k <= len(line):
                least[number] = np.partition(line, -k)[-k] - _ROUNDING
                keep = line >= least[number]
                held, line = held[keep], line[keep]
            nearest[number] = held, line
    return [_best(query, vectors, held, k) for query, (held, _) in zip(queries, nearest, strict=True)]


def best_of_candidates(
    queries: np.ndarray, vectors: np.ndarray, rows: np.ndarray, products: np.ndarray, k: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rank candidates of each query by exact cosines, of which only those are computed that may be among the k best.

    cosine = q . x / |x|, and |x| differs from 1 by FURTHEST_FROM_UNIT at most.

    Args:
      queries: [Q, D] unit.
      vectors: [N, D] float16, in memory or mapped.
      rows: the candidates [Q, C], C >= k, -1 for none.
      products: q . x of each, falling, [Q, C] float32.
      k: how many.

    Returns:
      for each query the best rows and their cosines, best first, ties by row.
    """
    last = products[:, k - 1 : k].astype(np.float64)  # the least float32 where the lists held fewer
    near = (products >= last - 2.1 * FURTHEST_FROM_UNIT * abs(last) - _ROUNDING) & (rows >= 0)
    asked, named = np.nonzero(near)[0], rows[near]
    scores, exact = np.empty(len(named), np.float32), queries.astype(np.float64)
    step = max(1, _NUMBERS_AT_ONCE // vectors.shape[1])
    left, right = np.empty((2, step, vectors.shape[1]))  # the same memory for all, which takes half the time
    for start in range(0, len(named), step):
        some = slice(start, start + step)
        count = len(named[some])
        exact.take(asked[some], axis=0, out=left[:count], mode="clip")  # to check them would copy them once more
        right[:count] = widened(vectors.take(named[some], axis=0))
        scores[some] = _cosines(left[:count], right[:count])
    order = np.lexsort((named, -scores, asked))
    named, scores = named[order], scores[order]
    starts = np.searchsorted(asked, np.arange(len(queries))).tolist()
    ends = [*starts[1:], len(asked)]
    return [(named[a : min(a + k, b)], scores[a : min(a + k, b)]) for a, b in zip(starts, ends, strict=True)]


def _best(query: np.ndarray, vectors: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the k best of a query's candidate rows, ascending, and their exact cosines, best first, ties by row."""
    scores = cosines(query, vectors[rows])
    order = np.argsort(-scores, kind="stable")[:k]
    return rows[order], scores[order]
