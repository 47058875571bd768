"""Cosines of queries and fp16 vectors, and the best of them, in memory that does not grow with the store.

Legend: N vectors, D embedding dimension, K results of a query.
"""

from __future__ import annotations

import numpy as np

_NUMBERS_AT_ONCE = 1 << 15  # in one float32 block: the allocator maps and unmaps larger ones each time
_ROUNDING = 1e-5  # more than float32 sums of D products differ from exact ones


def cosines(query: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """cosine(q, x) = q . x / |x|, summed in float64: the same for a pair wherever it is computed.

    Args:
      query: [D] unit.
      vectors: [n, D] float16.

    Returns:
      [n] float32.
    """
    exact = vectors.astype(np.float64)
    lengths = np.sqrt(np.einsum("nd,nd->n", exact, exact))
    return (np.einsum("nd,d->n", exact, query.astype(np.float64)) / lengths).astype(np.float32)


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


def _best(query: np.ndarray, vectors: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the k best of a query's candidate rows and their exact cosines, best first, ties by row."""
    scores = cosines(query, vectors[rows])
    order = np.argsort(-scores, kind="stable")[:k]
    return rows[order], scores[order]
