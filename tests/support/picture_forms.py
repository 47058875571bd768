"""One table of the forms that pictures come in, with the pixels that a person sees, to test every reader against."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

COLOURS = np.array([[[250, 10, 10], [10, 250, 10], [10, 10, 250]], [[250, 250, 240], [9, 9, 9], [200, 9, 220]]])
STORED = np.kron(COLOURS, np.ones((16, 16, 1))).astype(np.uint8)  # 32 x 48 px: each colour fills JPEG's blocks
OPACITY = np.kron([[255, 128, 0], [77, 255, 200]], np.ones((16, 16))).astype(np.uint8)
CUT_OUT = np.where(OPACITY > 128, 255, 0).astype(np.uint8)
SHOWN = {  # EXIF's orientation -> what a viewer shows of what is stored
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels.transpose(1, 0, 2)[:, ::-1],
    7: lambda pixels: pixels.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda pixels: pixels.transpose(1, 0, 2)[::-1],
}
LOSSY_ERROR = 14  # of 255, in the middle of a colour


@dataclass(frozen=True)
class Form:
    """A picture as a file.

    Attributes:
      name: of the form.
      encoded: the file.
      extension: of the file.
      pixels: [H, W, 3] uint8, what a person sees of it.
      is_served: whether the served graph reads the file itself; else it refuses it, and a client transcodes it.
    """

    name: str
    encoded: bytes
    extension: str
    pixels: np.ndarray
    is_served: bool = True


def encode(image: Image.Image, kind: str, **options) -> bytes:
    """Returns a picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(
    width: int, depth: int, colour_type: int, rows: bytes, *chunks: tuple[bytes, bytes], interlace: int = 0
) -> bytes:
    """Returns a PNG written by hand, as Pillow cannot write all that it reads; each of `rows` has its filter's byte."""
    height = len(rows) // (1 + -(-width * depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type] // 8))
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlace)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    framed = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def bmp(depth: int, palette: bytes, rows: list[bytes], width: int) -> bytes:
    """Returns a BMP written by hand; `rows` run upwards, each padded to four bytes."""
    pixels = b"".join(row + bytes(-len(row) % 4) for row in rows)
    start = 54 + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, width, len(rows), 1, depth, 0, len(pixels), 0, 0, len(palette) // 4, 0)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + header + palette + pixels


def _bmp_with_alpha(pixels: np.ndarray) -> bytes:
    """Returns a BMP whose header (BITMAPV4HEADER) has a mask for alpha, which Pillow reads and does not write."""
    height, width, _ = pixels.shape
    content = pixels[::-1, :, [2, 1, 0, 3]].tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(content), 0, 0, 0, 0) + masks + bytes(52)
    return b"BM" + struct.pack("<IHHI", 122 + len(content), 0, 0, 122) + header + content


def oriented(orientation: int) -> Image.Exif:
    """Returns EXIF that states an orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def without_adobe(jpeg: bytes) -> bytes:
    """Returns a JPEG without Adobe's marker."""
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0] :]


def on_white(pixels: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Returns a picture on a white page, in plain fractions."""
    share = opacity[..., np.newaxis] / 255
    return np.round(pixels * share + 255 * (1 - share)).astype(np.uint8)


def grey(pixels: np.ndarray) -> np.ndarray:
    """Returns a picture in grey, three channels."""
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


def _stored(encoded: bytes) -> np.ndarray:
    """Returns what a lossy file has stored, checked against the picture that was put in."""
    pixels = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
    assert abs(pixels.astype(int) - STORED)[8::16, 8::16].max() <= LOSSY_ERROR
    return pixels


def forms() -> list[Form]:
    """Returns all forms."""
    return [*_turned(), *_transparent(), *_paletted(), *_deep(), *_of_other_colours(), *_moving()]


def _turned() -> Iterator[Form]:
    picture = Image.fromarray(STORED)
    for orientation, show in SHOWN.items():
        exif = oriented(orientation)
        jpeg = encode(picture, "JPEG", quality=95, exif=exif)
        yield Form(f"JPEG, EXIF {orientation}", jpeg, "jpg", show(_stored(jpeg)))
        yield Form(f"PNG, EXIF {orientation}", encode(picture, "PNG", exif=exif), "png", show(STORED))
        webp = encode(picture, "WEBP", lossless=True, exif=exif)
        yield Form(f"WebP, EXIF {orientation}", webp, "webp", show(STORED), is_served=False)
        yield Form(
            f"TIFF, EXIF {orientation}", encode(picture, "TIFF", exif=exif), "tif", show(STORED), is_served=False
        )
        mpo = encode(picture, "MPO", save_all=True, append_images=[picture], quality=95, exif=exif)
        yield Form(f"MPO, EXIF {orientation}", mpo, "jpg", show(_stored(mpo)))


def _transparent() -> Iterator[Form]:
    clear = Image.fromarray(np.dstack([STORED, OPACITY]))
    seen = on_white(STORED, OPACITY)
    yield Form("PNG, RGBA", encode(clear, "PNG"), "png", seen)
    yield Form("PNG, RGBA, EXIF 6", encode(clear, "PNG", exif=oriented(6)), "png", SHOWN[6](seen))
    yield Form("WebP, RGBA", encode(clear, "WEBP", lossless=True, exact=True), "webp", seen, is_served=False)
    yield Form("TIFF, RGBA", encode(clear, "TIFF"), "tif", seen, is_served=False)
    yield Form("BMP, 32 bits, of which 8 unused", encode(clear, "BMP"), "bmp", STORED, is_served=False)
    yield Form("BMP, 32 bits", _bmp_with_alpha(np.dstack([STORED, OPACITY])), "bmp", seen, is_served=False)
    faint = Image.merge("LA", (Image.fromarray(STORED).convert("L"), Image.fromarray(OPACITY)))
    yield Form("PNG, grey with alpha", encode(faint, "PNG"), "png", on_white(grey(STORED), OPACITY))
    indices = np.kron(np.arange(6).reshape(2, 3), np.ones((16, 16), int)).astype(np.uint8)
    paletted = Image.fromarray(indices, "P")
    paletted.putpalette(COLOURS.astype(np.uint8).tobytes())
    shades = OPACITY[::16, ::16].tobytes()
    yield Form("PNG, palette with transparency", encode(paletted, "PNG", transparency=shades), "png", seen)
    hole = on_white(STORED, np.where(indices == 2, 0, 255))
    yield Form("GIF, transparent", encode(paletted, "GIF", transparency=2), "gif", hole)
    keyed = encode(Image.fromarray(STORED), "PNG", transparency=tuple(int(value) for value in COLOURS[0, 2]))
    yield Form("PNG, one colour transparent", keyed, "png", hole)
    rows = bytes([0, 0x12, 0, 0x21])
    shown = np.array([[[255] * 3, [34] * 3], [[34] * 3, [255] * 3]], np.uint8)
    yield Form("PNG, one of 16 greys transparent", png(2, 4, 0, rows, (b"tRNS", b"\0\1")), "png", shown)
    rows = b"\0" + struct.pack(">2H", 300, 301)
    shown = np.array([[[255] * 3, [1] * 3]], np.uint8)
    yield Form(
        "PNG, one of 65536 greys transparent", png(2, 16, 0, rows, (b"tRNS", struct.pack(">H", 300))), "png", shown
    )
    two_greys = png(2, 1, 0, b"\0\x40", (b"tRNS", b"\0\0"))
    yield Form("PNG, 1 bit, black transparent", two_greys, "png", np.full((1, 2, 3), 255, np.uint8))


def _paletted() -> Iterator[Form]:
    palette = COLOURS.astype(np.uint8).reshape(6, 3)
    for depth, row, indices in (
        (1, b"\x40", [0, 1]),
        (2, b"\x1b", [0, 1, 2, 3]),
        (4, b"\x45", [4, 5]),
        (8, b"\5\1", [5, 1]),
    ):
        used = palette[: 1 << depth]
        file = png(len(indices), depth, 3, b"\0" + row, (b"PLTE", used.tobytes()))
        yield Form(f"PNG, palette of {depth} bits", file, "png", palette[indices][np.newaxis])
        if depth != 2:
            entries = b"".join(bytes(colour[::-1]) + b"\0" for colour in used)
            file = bmp(depth, entries, [row], len(indices))
            yield Form(f"BMP, palette of {depth} bits", file, "bmp", palette[indices][np.newaxis], is_served=False)
    yield Form("BMP, 24 bits", encode(Image.fromarray(STORED), "BMP"), "bmp", STORED)


def _deep() -> Iterator[Form]:
    deep = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    shown = np.repeat((deep >> 8).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    for kind, extension in (("PNG", "png"), ("TIFF", "tif"), ("PPM", "pgm")):
        encoded = encode(Image.fromarray(deep), kind)
        yield Form(f"{kind}, 16 bits of grey", encoded, extension, shown, is_served=kind == "PNG")
    for colour_type, values, seen in (
        (2, (65535, 32768, 255, 0, 65535, 511), [[255, 128, 0], [0, 255, 1]]),
        (6, (9, 9, 9, 0, 0, 65535, 511, 65535), [[255, 255, 255], [0, 255, 1]]),
        (4, (9, 0, 32768, 65535), [[255] * 3, [128] * 3]),
    ):
        rows = b"\0" + struct.pack(f">{len(values)}H", *values)
        encoded = png(2, 16, colour_type, rows)
        yield Form(f"PNG, 16 bits, colour type {colour_type}", encoded, "png", np.array([seen], np.uint8))


def _of_other_colours() -> Iterator[Form]:
    picture = Image.fromarray(STORED)
    cmyk = encode(picture.convert("CMYK"), "JPEG", quality=95)
    for name, encoded in (("with", cmyk), ("without", without_adobe(cmyk))):
        yield Form(f"JPEG, CMYK {name} Adobe's marker", encoded, "jpg", _stored(encoded))
    turned = without_adobe(encode(picture.convert("CMYK"), "JPEG", quality=95, exif=oriented(8)))
    yield Form("JPEG, CMYK without Adobe's marker, EXIF 8", turned, "jpg", SHOWN[8](_stored(turned)))
    progressive = encode(picture, "JPEG", quality=95, progressive=True)
    yield Form("JPEG, progressive", progressive, "jpg", _stored(progressive))
    pale = encode(picture.convert("L"), "JPEG", quality=95)
    yield Form("JPEG, grey", pale, "jpg", np.asarray(Image.open(io.BytesIO(pale)).convert("RGB")))
    yield Form("PNG, grey", encode(picture.convert("L"), "PNG"), "png", grey(STORED))
    yield Form("PNG, 1 bit", png(2, 1, 0, b"\0\x40"), "png", np.array([[[0] * 3, [255] * 3]], np.uint8))
    # Adam7: pass 1 has the first pixel, pass 6 the second, pass 7 the row below.
    woven = (
        b"\0"
        + bytes(COLOURS[0, 0].tolist())
        + b"\0"
        + bytes(COLOURS[0, 1].tolist())
        + b"\0"
        + bytes([1, 2, 3, 4, 5, 6])
    )
    seen = np.array([[COLOURS[0, 0], COLOURS[0, 1]], [[1, 2, 3], [4, 5, 6]]], np.uint8)
    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 1)
    plain = png(2, 8, 2, bytes(7) * 2, interlace=1)
    framed = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    pixels = zlib.compress(woven)
    framed += struct.pack(">I", len(pixels)) + b"IDAT" + pixels + struct.pack(">I", zlib.crc32(b"IDAT" + pixels))
    yield Form("PNG, interlaced", plain[:8] + framed + plain[-12:], "png", seen)


def _moving() -> Iterator[Form]:
    first, second = (Image.new("RGB", (8, 6), colour) for colour in ((255, 0, 0), (0, 0, 255)))
    for kind, extension in (("GIF", "gif"), ("WEBP", "webp"), ("PNG", "png")):
        options = {"lossless": True} if kind == "WEBP" else {}
        encoded = encode(first, kind, save_all=True, append_images=[second], **options)
        yield Form(f"{kind}, animated", encoded, extension, np.asarray(first), is_served=kind != "WEBP")
    small = bytearray(encode(first, "GIF"))
    small[6:10] = struct.pack("<2H", 10, 7)  # the canvas, of which the frame leaves two columns and a row empty
    shown = np.full((7, 10, 3), 255, np.uint8)
    shown[:6, :8] = (255, 0, 0)
    yield Form("GIF, of a small first frame", bytes(small), "gif", shown, is_served=False)
