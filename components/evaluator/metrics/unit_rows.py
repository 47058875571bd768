"""Refuses embeddings that no similarity can be read from: not finite, not of unit length, not rows of one width."""

from __future__ import annotations

import numpy as np

from components.evaluator.metrics.ranking import Floats

LENGTH_TOLERANCE = 1e-2  # rows normalised in bfloat16 are off by up to 4e-3
ROWS_PER_CHUNK = 1024


def check_unit_rows(name: str, rows: Floats) -> None:
    """Look at each row's length.

    Args:
      name: what the message calls the rows.
      rows: [N, D], whole or mapped from a file; read a chunk at a time.

    Raises:
      ValueError: the array has no rows of D numbers, or a row is not finite or not of unit length.
    """
    if rows.ndim != 2 or not rows.shape[1]:
        raise ValueError(f"{name} has the shape {rows.shape}; give one row of numbers each")
    for start in range(0, len(rows), ROWS_PER_CHUNK):
        chunk = rows[start : start + ROWS_PER_CHUNK].astype(np.float32)  # [n, D]
        length = np.sqrt(np.einsum("nd,nd->n", chunk, chunk))  # [n]
        strange = np.flatnonzero(~(np.abs(length - 1.0) <= LENGTH_TOLERANCE))  # NaN is not <= anything
        if not len(strange):
            continue
        row, found = start + int(strange[0]), float(length[strange[0]])
        if not np.isfinite(chunk[strange[0]]).all():
            raise ValueError(f"row {row} of {name} holds NaN or infinity, so it has no place in any order")
        raise ValueError(f"row {row} of {name} has the length {found:.4g}; divide each row by its length first")


def is_finite(rows: Floats) -> bool:
    """Says whether every number is finite, reading a chunk of rows at a time."""
    return all(
        bool(np.isfinite(rows[start : start + ROWS_PER_CHUNK]).all()) for start in range(0, len(rows), ROWS_PER_CHUNK)
    )


def check_same_width(first_name: str, first: Floats, second_name: str, second: Floats) -> None:
    """Refuse two tables of rows that no dot product goes over.

    Raises:
      ValueError: they differ in D.
    """
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{first_name} has {first.shape[1]} numbers a row and {second_name} {second.shape[1]}; "
            "both must come from one model"
        )
