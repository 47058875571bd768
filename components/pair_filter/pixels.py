"""The identity of an image by what it shows, whatever its file format or metadata."""

from __future__ import annotations

import hashlib
import io

from PIL import Image


def pixel_digest(encoded: bytes) -> bytes:
    """Returns the SHA-256 of an image's width, height and decoded RGB pixels.

    An image that Pillow does not decode (ingest checks with TensorFlow, which differs in corner cases) is known by its
    bytes: its identical copies are still found.
    """
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            rgb = image.convert("RGB")
    except Exception:  # a damaged file makes Pillow's decoders raise nearly anything
        return hashlib.sha256(encoded).digest()
    return hashlib.sha256(b"%d %d " % rgb.size + rgb.tobytes()).digest()
