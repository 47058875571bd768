"""Checks an encoded image from its header on, and transcodes what TensorFlow would misread."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, JpegImagePlugin, UnidentifiedImageError

from components.pair_example_gen.image_bombs import refuse_slow
from components.pair_example_gen.reasons import (
    IMAGE_FORMAT_NOT_SUPPORTED,
    IMAGE_NOT_DECODABLE,
    IMAGE_TOO_LARGE,
    Refused,
)

# Kept byte for byte unless transparent or turned by EXIF: tf.io.decode_image reads every other variant of them,
# progressive, CMYK with an Adobe marker and 16 bits (the upper 8) included; CMYK without the marker it shows black,
# where Pillow and browsers take it for inverted all the same. It reads GIF and BMP too, but of a GIF no more than the
# first frame's own rectangle, and BMP not with a palette nor with 32 bits.
KEPT_FORMATS = ("JPEG", "MPO", "PNG")
TRANSCODED_FORMATS = ("GIF", "BMP", "WEBP", "TIFF", "JPEG2000", "PPM", "AVIF")
KNOWN_EXTENSIONS = ("jpg", "jpeg", "png", "gif", "bmp", "webp")  # with these, unknown content is a broken file
EXTENSIONS = (*KNOWN_EXTENSIONS, "tif", "tiff", "jp2", "ppm", "avif", "heic", "heif", "jxl", "ico", "svg")
WHITE = (255, 255, 255, 255)
UPRIGHT_JPEG_QUALITY = 95  # a JPEG that is turned upright is encoded a second time: large, and hardly worse
_ORIENTATION = 0x0112  # EXIF's tag; 1 is upright

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
    It and the formats that TensorFlow misreads become PNG; of an animation the first frame stays. What EXIF says is
    turned is turned upright, a JPEG as JPEG, and its size is the one that it then has. All other images keep their
    bytes.

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
    _refuse_large_webp(encoded, max_pixels)
    image = _open(encoded, extension)
    _refuse_large(*image.size, max_pixels)
    refuse_slow(encoded)
    if image.format in KEPT_FORMATS and not (image.has_transparency_data or _is_turned(image) or _is_bare_cmyk(image)):
        try:
            check(encoded)
        except ValueError as error:
            raise Refused(IMAGE_NOT_DECODABLE, str(error)) from error
        return Picture(encoded, *image.size)
    try:
        return _transcode(image)
    except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
        raise Refused(IMAGE_NOT_DECODABLE, f"{type(error).__name__}: {error}") from error


def _refuse_large(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Refused(IMAGE_TOO_LARGE, f"{width} x {height} px, above {max_pixels} px in all")


def _refuse_large_webp(encoded: bytes, max_pixels: int) -> None:
    """Refuse a large WebP before Pillow opens it, which makes room for the whole canvas at once.

    Reference: RFC 9649, sections 2.5 to 2.7; RFC 6386, section 9.1.
    """
    if len(encoded) < 30 or encoded[:4] != b"RIFF" or encoded[8:12] != b"WEBP":
        return
    kind = encoded[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(encoded[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(encoded[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (int.from_bytes(encoded[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    _refuse_large(width, height, max_pixels)


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


def _is_bare_cmyk(image: Image.Image) -> bool:
    return image.mode == "CMYK" and "adobe" not in image.info


def _is_turned(image: Image.Image) -> bool:
    """Returns whether EXIF says that a JPEG or PNG is to be shown turned or mirrored."""
    if not image.info.keys() & {"exif", "Raw profile type exif", "Raw profile type APP1"}:
        return False
    try:
        return image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except Exception:  # damaged EXIF says nothing; the image itself may be sound
        return False


def _transcode(image: Image.Image) -> Picture:
    """Returns the first frame, upright, on white where it is transparent, as PNG, or as JPEG where it was a JPEG."""
    kind = "JPEG" if image.format in ("JPEG", "MPO") else "PNG"
    options: dict[str, object] = {}
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        halved = JpegImagePlugin.get_sampling(image) == 2  # 4:2:0, which is as good as it was before turning
        options = {"quality": UPRIGHT_JPEG_QUALITY, "subsampling": 2 if halved else 0}
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits: Pillow's own conversion clips at 255 where TensorFlow takes the upper 8
        image = _upper_bits(image)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, WHITE)
        image = Image.alpha_composite(white, image.convert("RGBA"))
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, kind, **options)
    return Picture(buffer.getvalue(), *image.size)


def _upper_bits(image: Image.Image) -> Image.Image:
    """Returns the upper 8 of 16 bits of grey, with an alpha channel where one shade is transparent."""
    deep, clear = np.asarray(image), image.info.get("transparency")
    grey = Image.fromarray((np.clip(deep, 0, 65535) >> 8).astype(np.uint8))
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8)))
    return grey
