"""What an image shows, in 128 bits: equal for a copy in another lossless format, near for a resized or recoded one.

Ingest decodes each image and writes its fingerprint into the Example, so that the filter needs not decode it again. Who
decodes hands over the grey pixels: this file reads no image.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple, cast

import numpy as np
import PIL
from PIL import Image, features

SIDE = 32  # pixels of the square that both numbers are computed from
DECODED_SIDE = 2 * SIDE  # a JPEG is decoded at the least scale of 1, 1/2, 1/4, 1/8 that is still this large
MIN_CONTRAST = 8  # grey levels between the darkest and the brightest pixel of the square
_FREQUENCIES = 8
_MEDIAN = (_FREQUENCIES**2 - 2) // 2  # the place of the middle one of the 63, sorted

# DCT-II without its constant factors, which no comparison with a median needs: [frequency, pixel]. In whole numbers, so
# that it is the same on every machine, and so large that all of a spectrum fits in 47 bits.
_DCT = np.cos(np.pi * np.outer(np.arange(_FREQUENCIES), 2 * np.arange(SIDE) + 1) / (2 * SIDE))
_DCT = np.round(_DCT * (1 << 14)).astype(np.int64)
_DCT_T = np.ascontiguousarray(_DCT.T)

# Of how fingerprints are made, and of the decoders: numbers of different makes are never compared.
MAKE = f"2/{PIL.__version__}/{features.version('libjpeg_turbo') or features.version('jpg')}"
_WRITTEN = re.compile(re.escape(MAKE.encode()) + rb" ([0-9a-f]{16})(?: ([0-9a-f]{16}))?")


class Fingerprint(NamedTuple):
    """Two 64-bit numbers that stand for what an image shows.

    Attributes:
      pixels: a digest of its size and of its grey pixels at SIDE x SIDE: equal where the decoded pixels are. An image
        that does not decode is known by its bytes. None where an image is not to be compared at all.
      perceptual: its perceptual hash, or None where it has no contrast or does not decode.

    Bit k of the 64 of the perceptual hash says whether the k-th of the 8 x 8 lowest frequencies of the grey image's
    cosine transform exceeds the median of all but the constant one, whose own bit is 0: the "pHash" of the field
    (Zauner 2010). Resized, recoded or slightly brightened copies differ in a few bits, unrelated photographs in about
    half of the 63.
    """

    pixels: int | None
    perceptual: int | None


NOT_COMPARED = Fingerprint(None, None)


def of_pixels(size: tuple[int, int], grey: Image.Image) -> Fingerprint:
    """Returns the fingerprint of a decoded image.

    Args:
      size: width and height of the image, in pixels.
      grey: the image in grey (mode "L"), or smaller, with no side below DECODED_SIDE for it.
    """
    square = grey.resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels = square.tobytes()
    darkest, brightest = cast(tuple[int, int], square.getextrema())
    has_contrast = brightest - darkest >= MIN_CONTRAST
    return Fingerprint(_digest(b"%d %d " % size + pixels), _hash(pixels) if has_contrast else None)


def of_bytes(encoded: bytes) -> Fingerprint:
    """Returns the fingerprint of an image that does not decode."""
    return Fingerprint(_digest(encoded), None)


def written(fingerprint: Fingerprint) -> bytes:
    """Returns a fingerprint as an Example holds it.

    Examples:
      >>> written(Fingerprint(10, None)).removeprefix(MAKE.encode())
      b' 000000000000000a'
      >>> read(written(Fingerprint(10, 11)))
      Fingerprint(pixels=10, perceptual=11)
    """
    return " ".join([MAKE, *(f"{number:016x}" for number in fingerprint if number is not None)]).encode()


def read(value: bytes) -> Fingerprint | None:
    """Returns what `written` wrote, or None where it is of another make, by which nothing here may be compared."""
    found = _WRITTEN.fullmatch(value)
    if found is None:
        return None
    pixels, perceptual = found.groups()
    return Fingerprint(int(pixels, 16), None if perceptual is None else int(perceptual, 16))


def _hash(pixels: bytes) -> int:
    square = np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE)
    spectrum = (_DCT @ square.astype(np.int64) @ _DCT_T).ravel()
    bits = spectrum > np.sort(spectrum[1:])[_MEDIAN]
    bits[0] = False
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def _digest(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
