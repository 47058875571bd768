"""Checks an encoded image from its header on, and transcodes what TensorFlow would misread."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from components.pair_example_gen.reasons import (
    IMAGE_FORMAT_NOT_SUPPORTED,
    IMAGE_NOT_DECODABLE,
    IMAGE_TOO_LARGE,
    Refused,
)

# Kept byte for byte unless transparent: tf.io.decode_image reads every variant of them. It reads GIF and BMP too, but
# of a GIF no more than the first frame's own rectangle, and BMP not with a palette nor with 32 bits.
KEPT_FORMATS = ("JPEG", "MPO", "PNG")
TRANSCODED_FORMATS = ("GIF", "BMP", "WEBP", "TIFF", "JPEG2000", "PPM", "AVIF")
KNOWN_EXTENSIONS = ("jpg", "jpeg", "png", "gif", "bmp", "webp")  # with these, unknown content is a broken file
EXTENSIONS = (*KNOWN_EXTENSIONS, "tif", "tiff", "jp2", "ppm", "avif", "heic", "heif", "jxl", "ico", "svg")
WHITE = (255, 255, 255, 255)

Image.init()  # Image.OPEN then names what this build of Pillow reads; others are as good as unknown
_FORMATS = tuple(name for name in KEPT_FORMATS + TRANSCODED_FORMATS if name in Image.OPEN)


@dataclass(frozen=True)
class Picture:
    """An image that tf.io.decode_image reads as it is meant to look: its bytes, and its size in pixels."""

    encoded: bytes
    width: int
    height: int


def prepare(encoded: bytes, extension: str, max_pixels: int, check: Callable[[bytes], object]) -> Picture:
    """Refuse an image that is too large or broken; transcode one that TensorFlow would misread.

    A transparent image is laid on white: TensorFlow drops the alpha channel and shows whatever colour lies beneath.
    It and the formats that TensorFlow misreads become PNG; of an animation the first frame stays. All other images
    keep their bytes.

    Args:
      encoded: the file's bytes.
      extension: the file's extension in lower case: tells a broken file of a known format from an unknown format.
      max_pixels: width x height above which the header alone refuses an image; nothing is decoded then.
      check: decodes the bytes of a kept image and raises ValueError where that fails.

    Returns:
      The picture.

    Raises:
      Refused: with image_format_not_supported, image_too_large or image_not_decodable.
    """
    image = _open(encoded, extension)
    width, height = image.size
    if width * height > max_pixels:
        raise Refused(IMAGE_TOO_LARGE, f"{width} x {height} px, above {max_pixels} px in all")
    if image.format in KEPT_FORMATS and not image.has_transparency_data:
        try:
            check(encoded)
        except ValueError as error:
            raise Refused(IMAGE_NOT_DECODABLE, str(error)) from error
        return Picture(encoded, width, height)
    try:
        return Picture(_to_png(image), width, height)
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
        raise Refused(IMAGE_NOT_DECODABLE, f"{type(error).__name__}: {error}") from error


def _open(encoded: bytes, extension: str) -> Image.Image:
    """Returns the image with its header read and its pixels not."""
    try:
        return Image.open(io.BytesIO(encoded), formats=_FORMATS)
    except UnidentifiedImageError as error:
        reason = IMAGE_NOT_DECODABLE if extension in KNOWN_EXTENSIONS else IMAGE_FORMAT_NOT_SUPPORTED
        raise Refused(reason, f".{extension} of {len(encoded)} bytes with an unknown header") from error
    except Image.DecompressionBombError as error:
        raise Refused(IMAGE_TOO_LARGE, str(error)) from error
    except Exception as error:  # a damaged header makes Pillow's parsers raise nearly anything
        raise Refused(IMAGE_NOT_DECODABLE, f"{type(error).__name__}: {error}") from error


def _to_png(image: Image.Image) -> bytes:
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, WHITE)
        image = Image.alpha_composite(white, image.convert("RGBA"))
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()
