"""Cosines of queries and fp16 vectors, and the best of them, in memory that does not grow with the store.

Legend: N vectors, D embedding dimension, K results of a query.
"""

from __future__ import annotations

import numpy as np

_ROWS_AT_ONCE = 16384  # bounds the float32 copies
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
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE]
        block = vectors[some].astype(np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        for number, line in enumerate(queries @ block.T):  # [Q, D] x [D, n]
            held, scores = nearest[number]
            held, scores = np.concatenate([held, some]), np.concatenate([scores, line])
            if k < len(scores):
                keep = scores >= np.partition(scores, -k)[-k] - _ROUNDING
                held, scores = held[keep], scores[keep]
            nearest[number] = held, scores
    return [best(query, vectors, held, k) for query, (held, _) in zip(queries, nearest, strict=True)]


def best(query: np.ndarray, vectors: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the k best of a query's candidate rows and their exact cosines, best first, ties by row."""
    rows = np.sort(rows)
    scores = cosines(query, vectors[rows])
    order = np.argsort(-scores, kind="stable")[:k]
    return rows[order], scores[order]
