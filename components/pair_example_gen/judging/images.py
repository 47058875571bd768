"""Judges an encoded image from its header on, settles how it looks (serving/pictures.py), and says what it shows.

An image is decoded once: whether it decodes and its fingerprint are known by the same pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from components.image_fingerprint import DECODED_SIDE, Fingerprint, of_bytes, of_pixels
from components.pair_example_gen.judging.image_bombs import refuse_slow
from components.pair_example_gen.judging.reasons import (
    IMAGE_FORMAT_NOT_SUPPORTED,
    IMAGE_NOT_DECODABLE,
    IMAGE_TOO_LARGE,
    Refused,
)
from components.pair_example_gen.judging.sure_decoding import tensorflow_decodes
from serving.pictures import Picture, PictureError, TooLarge, UnknownFormat, View

KNOWN_EXTENSIONS = ("jpg", "jpeg", "png", "gif", "bmp", "webp")  # with these, unknown content is a broken file
EXTENSIONS = (*KNOWN_EXTENSIONS, "tif", "tiff", "jp2", "ppm", "avif", "heic", "heif", "jxl", "ico", "svg")


@dataclass(frozen=True)
class Prepared(Picture):
    """A picture in normal form, with its fingerprint."""

    fingerprint: Fingerprint


def prepare(encoded: bytes, extension: str, max_pixels: int, check: Callable[[bytes], object]) -> Prepared:
    """Refuse an image that is too large or broken; bring the others into normal form (serving/normal_form.py).

    JPEG and PNG keep their pixels as they are encoded, transparent ones too. What EXIF says is turned gets a few bytes
    in front that say so at a fixed place, and its size is the one that it has upright. The first frame of all other
    formats becomes a PNG on white.

    Args:
      encoded: the file's bytes.
      extension: the file's extension in lower case: tells a broken file of a known format from an unknown format.
      max_pixels: width x height above which the header alone refuses an image; nothing is decoded then.
      check: decodes a kept image of which Pillow's word is not sure, and raises ValueError where that fails.

    Returns:
      The picture and what it shows.

    Raises:
      Refused: with image_format_not_supported, image_too_large or image_not_decodable.
    """
    try:
        view = View(encoded, max_pixels)
        refuse_slow(encoded)
        picture = view.settled()
        shown = view if picture.encoded == encoded else View(picture.encoded)
        try:
            seen, failure = of_pixels(shown.size, shown.pixels("L", DECODED_SIDE)), ""
        except PictureError as error:
            seen, failure = of_bytes(picture.encoded), str(error)
        if view.is_kept:
            _refuse_undecodable(picture.encoded, failure, check)
    except TooLarge as error:
        raise Refused(IMAGE_TOO_LARGE, str(error)) from error
    except UnknownFormat as error:
        reason = IMAGE_NOT_DECODABLE if extension in KNOWN_EXTENSIONS else IMAGE_FORMAT_NOT_SUPPORTED
        raise Refused(reason, f".{extension}: {error}") from error
    except ValueError as error:
        raise Refused(IMAGE_NOT_DECODABLE, str(error)) from error
    return Prepared(picture.encoded, picture.width, picture.height, seen)


def _refuse_undecodable(encoded: bytes, failure: str, check: Callable[[bytes], object]) -> None:
    """Raise ValueError for what training could not read, `failure` being why Pillow cannot, or ""."""
    decodes = tensorflow_decodes(encoded, failure)
    if decodes is None:
        check(encoded)
    elif not decodes:
        raise ValueError(failure or "it is cut")
