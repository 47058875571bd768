"""What an image shows, in 128 bits: equal for a copy in another lossless format, near for a resized or recoded one."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from serving.pictures import PictureError, View

SIDE = 32  # pixels of the square that both numbers are computed from
_DECODED_SIDE = 2 * SIDE  # a JPEG is decoded at the least scale of 1, 1/2, 1/4, 1/8 that is still this large
_FREQUENCIES = 8
MIN_CONTRAST = 8  # grey levels between the darkest and the brightest pixel of the square

# DCT-II without its constant factors, which no comparison with a median needs: [frequency, pixel].
_DCT = np.cos(np.pi * np.outer(np.arange(_FREQUENCIES), 2 * np.arange(SIDE) + 1) / (2 * SIDE)).astype(np.float32)
_WEIGHTS = np.uint64(1) << np.arange(_FREQUENCIES**2, dtype=np.uint64)


class Fingerprint(NamedTuple):
    """Two 64-bit numbers that stand for what an image shows.

    Attributes:
      pixels: a digest of its size and of its grey pixels at SIDE x SIDE: equal where the decoded pixels are. An image
        that does not decode is known by its bytes. None where an image is not to be compared at all.
      perceptual: its perceptual hash, or None where it has no contrast or does not decode.
    """

    pixels: int | None
    perceptual: int | None


NOT_COMPARED = Fingerprint(None, None)


def fingerprint(encoded: bytes) -> Fingerprint:
    """Decode an image once, at reduced scale, and compute both numbers."""
    try:
        view = View(encoded)
        square = np.asarray(view.pixels("L", _DECODED_SIDE).resize((SIDE, SIDE), Image.Resampling.BOX))
    except PictureError:
        return Fingerprint(_digest(encoded), None)
    return Fingerprint(_digest(b"%d %d " % view.size + square.tobytes()), _hash_square(square))


def perceptual_hash(encoded: bytes) -> int | None:
    """Returns the perceptual hash of an encoded image, or None where it has no contrast or does not decode.

    Bit k of 64 says whether the k-th of the 8 x 8 lowest frequencies of the grey image's cosine transform exceeds the
    median of all but the constant one, whose own bit is 0: the "pHash" of the field (Zauner 2010). Resized, recoded or
    slightly brightened copies differ in a few bits, unrelated photographs in about half of the 63.
    """
    return fingerprint(encoded).perceptual


def _hash_square(square: np.ndarray) -> int | None:
    if int(square.max()) - int(square.min()) < MIN_CONTRAST:
        return None
    spectrum = (_DCT @ square.astype(np.float32) @ _DCT.T).ravel()
    bits = spectrum > np.median(spectrum[1:])
    bits[0] = False
    return int(_WEIGHTS[bits].sum(dtype=np.uint64))


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
