"""Small pictures of what was dropped, for reports."""

from __future__ import annotations

import base64
import io

from PIL import Image

from components.pair_filter.fingerprint import to_grey

SIDE = 64  # pixels of the longer side


def thumbnail(encoded: bytes) -> str:
    """Returns a small JPEG of an encoded image in base64, or "" where it does not decode."""
    buffer = io.BytesIO()
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image.draft("RGB", (SIDE, SIDE))
            small = to_grey(image) if image.mode.startswith("I") else image.convert("RGB")
            small.thumbnail((SIDE, SIDE))
            small.save(buffer, "JPEG", quality=80)
    except Exception:  # a damaged file makes Pillow's decoders raise nearly anything
        return ""
    return base64.b64encode(buffer.getvalue()).decode()
