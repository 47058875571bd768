"""Vectors of unit length, whose products are cosines."""

from __future__ import annotations

import numpy as np


def unit(vectors: np.ndarray) -> np.ndarray:
    """Returns vectors [D] or [n, D], each / its length, or raises ValueError where one has no direction."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths == 0).any():
        raise ValueError("a query vector is zero or not finite; encode it again")
    return vectors / lengths
