"""How an unloaded model's memory goes back to the system."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable


def give_back() -> None:
    """Collect what only refers to itself, then hand the allocator's free pages to the system.

    A model's functions, graphs and variables refer to each other in circles. glibc keeps what is freed for later
    allocations, which would show as a server that grows with every version.
    """
    gc.collect()
    _trim(0)


def _find_trim() -> Callable[[int], object]:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library
        return lambda pad: None


_trim = _find_trim()
