"""How an unloaded model's memory goes back to the system."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable


def give_back() -> None:
    """Collect what only refers to itself, such as an unloaded model, then `trim`."""
    gc.collect()
    trim()


def trim() -> None:
    """Hand the allocator's free pages to the system.

    glibc keeps what is freed for later allocations. Loading a model frees as much as it keeps, and a server would seem
    to grow with every version.
    """
    _trim(0)


def spare_what_is_there() -> None:
    """Look at no object that there is now in any later collection; for a process that is a server alone.

    TensorFlow's modules are half a million objects that stay. To look through them for an unloaded model's takes a
    second in which no request is answered.
    """
    gc.freeze()


def _find_trim() -> Callable[[int], object]:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        return lambda pad: None


_trim = _find_trim()
