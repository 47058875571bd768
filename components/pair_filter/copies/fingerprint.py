"""Decodes an image for its fingerprint, where its Example does not carry one."""

from __future__ import annotations

from components.image_fingerprint import DECODED_SIDE, Fingerprint, of_bytes, of_pixels
from serving.pictures import PictureError, View


def fingerprint(encoded: bytes) -> Fingerprint:
    """Decode an image once, at reduced scale, and compute both numbers."""
    try:
        view = View(encoded)
        return of_pixels(view.size, view.pixels("L", DECODED_SIDE))
    except PictureError:
        return of_bytes(encoded)
