"""Vectors of unit length, whose products are cosines."""

from __future__ import annotations

import numpy as np


def unit(vector: np.ndarray) -> np.ndarray:
    """Returns vector [D] / |vector|, or raises ValueError where it has no direction."""
    vector = np.asarray(vector, np.float32)
    length = np.linalg.norm(vector)
    if not np.isfinite(length) or length == 0:
        raise ValueError("a query vector is zero or not finite; encode it again")
    return vector / length
