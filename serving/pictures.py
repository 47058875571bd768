"""How a picture looks, whatever its format: upright, on white, of an animation the first frame.

Everything outside TensorFlow that shows or sends a picture goes through here: ingest, the filter, queries, clients,
reports. models/images/decoding.py makes the same pixels in TensorFlow of what `View.settled` returns.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import GifImagePlugin, Image, ImageFile, UnidentifiedImageError

from serving.normal_form import Header, normalise, read_header, read_turn

KEPT_FORMATS = ("JPEG", "MPO", "PNG")
TRANSCODED_FORMATS = ("GIF", "BMP", "WEBP", "TIFF", "JPEG2000", "PPM", "AVIF")
_TURNED = {  # EXIF's orientation -> what turns the stored picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FOREIGN = {  # what bytes begin with, in lower case -> what they are
    b"version https://git-lfs": "a pointer of Git LFS in place of the file; run git lfs pull",
    b"<!doctype html": "a page of HTML",
    b"<html": "a page of HTML",
    b"<svg": "a drawing in SVG",
    b"pk\3\4": "a zip; unpack it",
}
_HEIC = (b"ftypheic", b"ftypheix", b"ftypmif1")

Image.init()  # Image.OPEN then names what this build of Pillow reads; others are as good as unknown
_FORMATS = tuple(name for name in KEPT_FORMATS + TRANSCODED_FORMATS if name in Image.OPEN)


class PictureError(ValueError):
    """A picture that cannot be shown as it is meant to look; the message says why."""


class UnknownFormat(PictureError):
    """Bytes of no format that is read."""


class TooLarge(PictureError):
    """A picture whose header states more pixels than are allowed."""


class Damaged(PictureError):
    """A picture whose bytes do not decode."""


@dataclass(frozen=True)
class Picture:
    """A JPEG or PNG in normal form (serving/normal_form.py), with its size in pixels as it is seen."""

    encoded: bytes
    width: int
    height: int


class View:
    """A picture as a person sees it; nothing but its header is read before `pixels` is called.

    Attributes:
      is_kept: whether `settled` keeps the stored pixels as they are encoded.
      size: width and height in pixels, upright.

    Examples:
      >>> file = io.BytesIO()
      >>> Image.new("RGBA", (3, 2), (0, 0, 0, 0)).save(file, "PNG")
      >>> View(file.getvalue()).size
      (3, 2)
      >>> View(file.getvalue()).pixels("L").getpixel((0, 0))  # transparent is white
      255
    """

    def __init__(self, encoded: bytes, max_pixels: int | None = None) -> None:
        """Read a picture's header.

        Args:
          encoded: a file of any of KEPT_FORMATS and TRANSCODED_FORMATS.
          max_pixels: width x height above which the picture is refused; None for no limit.

        Raises:
          PictureError: UnknownFormat, TooLarge or Damaged.
        """
        self._encoded, self._max_pixels = encoded, max_pixels
        self._refuse_large(*_webp_size(encoded))  # Pillow makes room for the whole canvas when it opens one
        self._image = _open(encoded)
        self._refuse_large(*self._image.size)
        width, height = self._image.size
        self.size = (height, width) if self._turn > 4 else (width, height)
        self.is_kept = self._image.format in KEPT_FORMATS and self._header is not None and not self._header.keyed

    def pixels(self, mode: str = "RGB", at_least_px: int | None = None) -> Image.Image:
        """Decode the picture.

        Args:
          mode: "RGB", or "L" for grey.
          at_least_px: a JPEG is decoded at the least scale of 1, 1/2, 1/4, 1/8 at which no side is below this.

        Raises:
          PictureError: where it does not decode, or Pillow would misread it.
        """
        try:
            if at_least_px is not None:
                self._image.draft(mode, (at_least_px, at_least_px))
            if self._image.format in KEPT_FORMATS and isinstance(self._image, ImageFile.ImageFile):
                # In one piece, so that what is broken behind the last row shows.
                self._image.decodermaxblock = max(len(self._encoded), self._image.decodermaxblock)
            self._image.load()
            if self._image.mode == "F" or (self._image.mode, self._image.format) == ("I", "TIFF"):
                raise UnknownFormat(
                    "floats or 32 bits of grey, of which nothing says what is white; save it with 8 bits"
                )
            image = self._on_white(_upper_bits(self._image))
            if isinstance(self._image, GifImagePlugin.GifImageFile) and self._image.dispose_extent is not None:
                image = _framed(image, self._image.dispose_extent)
            if self._turn in _TURNED:
                image = image.transpose(_TURNED[self._turn])
            return image if image.mode == mode else image.convert(mode)
        except PictureError:
            raise
        except Exception as error:  # a damaged file makes Pillow's decoders raise nearly anything
            raise Damaged(f"{type(error).__name__}: {error}") from error

    def settled(self) -> Picture:
        """Bring the picture into normal form: JPEG and PNG by a few bytes before the others, the rest as a new PNG.

        Raises:
          PictureError: as `pixels` does, where the picture is encoded anew.
        """
        if self.is_kept and self._header is not None:
            return Picture(normalise(self._encoded, self._header), *self.size)
        return Picture(to_png(self.pixels()), *self.size)

    def plain(self) -> bytes:
        """Returns a JPEG or PNG that also looks right to what reads neither EXIF nor transparency.

        Raises:
          PictureError: as `pixels` does, where the picture is encoded anew.
        """
        seen = self.pixels()
        is_plain = self._turn == 1 and not self._image.has_transparency_data
        return self._encoded if is_plain and self.settled().encoded == self._encoded else to_png(seen)

    @cached_property
    def _header(self) -> Header | None:
        try:
            return read_header(self._encoded)
        except ValueError as error:
            raise Damaged(str(error)) from error

    @property
    def _turn(self) -> int:
        if self._header is not None:
            return self._header.turn
        return read_turn(self._image.info.get("exif", b""))  # Pillow turns a TIFF by itself

    def _refuse_large(self, width: int, height: int) -> None:
        if self._max_pixels is not None and width * height > self._max_pixels:
            raise TooLarge(f"{width} x {height} px, above {self._max_pixels} px in all")

    def _on_white(self, image: Image.Image) -> Image.Image:
        if not image.has_transparency_data:
            return image
        if self._header is not None and self._header.keyed and image.mode in ("L", "RGB"):
            if image.mode == "RGB" and self._header.depth == 16:
                raise UnknownFormat("a PNG of 16 bits with one transparent colour; save it with an alpha channel")
            if image.mode == "L" and self._header.depth < 8:  # Pillow spreads the greys, but not the transparent one
                image.info["transparency"] *= 255 // ((1 << self._header.depth) - 1)
        page = Image.new("RGB", image.size, "white")
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        page.paste(clear, mask=clear)
        return page


def to_png(image: Image.Image) -> bytes:
    """Returns a picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def foreign(start: bytes) -> str:
    """Returns what stands in the place of a picture or a table, told by its first 64 bytes, or ""."""
    if start[4:12] in _HEIC:
        return "a picture in HEIC; save it as JPEG"
    return next((what for begin, what in _FOREIGN.items() if start[:64].lstrip().lower().startswith(begin)), "")


def _open(encoded: bytes) -> Image.Image:
    """Returns the image with its header read and its pixels not."""
    try:
        return Image.open(io.BytesIO(encoded), formats=_FORMATS)
    except UnidentifiedImageError as error:
        what = foreign(encoded)
        raise UnknownFormat(f"{len(encoded)} bytes with an unknown header{what and f': {what}'}") from error
    except Image.DecompressionBombError as error:
        raise TooLarge(str(error)) from error
    except Exception as error:  # a damaged header makes Pillow's parsers raise nearly anything
        raise Damaged(f"{type(error).__name__}: {error}") from error


def _webp_size(encoded: bytes) -> tuple[int, int]:
    """Returns width and height of a WebP by its header, or zeros of anything else.

    Reference: RFC 9649, sections 2.5 to 2.7; RFC 6386, section 9.1.
    """
    if len(encoded) < 30 or encoded[:4] != b"RIFF" or encoded[8:12] != b"WEBP":
        return 0, 0
    kind = encoded[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(encoded[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(encoded[21:25], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (int.from_bytes(encoded[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    return width, height


def _framed(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Returns a GIF's first frame on a white canvas, which it may not fill; Pillow gives the rest some colour."""
    if box == (0, 0, *image.size):
        return image
    page = Image.new("RGB", image.size, "white")
    page.paste(image.crop(box).convert("RGB"), box[:2])
    return page


def _upper_bits(image: Image.Image) -> Image.Image:
    """Returns the upper 8 of 16 bits of grey, which Pillow's own conversion clips, with alpha where one is clear."""
    if not image.mode.startswith("I"):
        return image
    deep, clear = np.asarray(image), image.info.get("transparency")
    grey = Image.fromarray((np.clip(deep, 0, 65535) >> 8).astype(np.uint8))
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8)))
    return grey
