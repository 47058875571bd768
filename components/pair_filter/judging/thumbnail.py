"""Small pictures of what was dropped, for reports."""

from __future__ import annotations

import base64
import io

from serving.pictures import PictureError, View

SIDE = 64  # pixels of the longer side


def thumbnail(encoded: bytes) -> str:
    """Returns a small JPEG of an encoded image in base64, or "" where it does not decode."""
    try:
        small = View(encoded).pixels("RGB", SIDE)
    except PictureError:
        return ""
    small.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode()
