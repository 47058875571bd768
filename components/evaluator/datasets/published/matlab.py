"""Reads a variable of a MATLAB file, in which older data sets keep their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.evaluator.datasets.kinds import DataSetError


def read_matrix(path: Path, name: str) -> Any:
    """Returns a variable, without the dimensions of size 1; raises DataSetError where the file is damaged."""
    from scipy.io import loadmat

    try:
        return loadmat(str(path), squeeze_me=True)[name]
    except Exception as error:  # whatever a damaged file leads SciPy into
        raise DataSetError(f"{path} is damaged, or has no {name!r} ({error}); get it again") from error
