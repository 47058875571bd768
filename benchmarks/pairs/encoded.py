"""An encoded image with what its header says."""

from __future__ import annotations

from typing import NamedTuple


class Encoded(NamedTuple):
    """An image file: its bytes, its extension, its size in pixels."""

    content: bytes
    extension: str
    width: int
    height: int
