"""Turned, CMYK, progressive, deep, paletted: training sees every variant as it is meant to look."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.pair_example_gen import reasons
from components.pair_example_gen.executor import decode_as_training_does
from components.pair_example_gen.images import Picture, prepare
from components.pair_example_gen.reasons import Refused

COLOURS = np.array([[[250, 10, 10], [10, 250, 10], [10, 10, 250]], [[250, 250, 240], [9, 9, 9], [200, 9, 220]]])
STORED = np.kron(COLOURS, np.ones((16, 16, 1))).astype(np.uint8)  # 32 x 48 px: each colour fills JPEG's blocks
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
JPEG_ERROR = 12  # of 255, at quality 95 of flat colours encoded twice


def encode(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def prepared(encoded: bytes, extension: str) -> Picture:
    return prepare(encoded, extension, 10**6, decode_as_training_does)


def look(picture: Picture) -> np.ndarray:
    """Returns what training sees, int64[height, width, 3]."""
    pixels = tf.io.decode_image(picture.encoded, channels=3, expand_animations=False).numpy()
    assert pixels.shape == (picture.height, picture.width, 3)
    return pixels.astype(np.int64)


def assert_alike(seen: np.ndarray, expected: np.ndarray) -> None:
    """Compare the middles of the colours: between two of them JPEG's halved chroma blurs."""
    assert seen.shape == expected.shape
    assert abs(seen - expected.astype(np.int64))[8::16, 8::16].max() <= JPEG_ERROR


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", SHOWN)
def test_every_orientation_is_turned_upright(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    encoded = encode(Image.fromarray(STORED), kind, exif=exif, **options)
    picture = prepared(encoded, kind.lower())
    expected = SHOWN[orientation](STORED)
    if kind == "JPEG":
        assert_alike(look(picture), expected)
    else:
        np.testing.assert_array_equal(look(picture), expected)
    if kind in ("JPEG", "PNG"):
        assert (picture.encoded == encoded) is (orientation == 1)
        assert Image.open(io.BytesIO(picture.encoded)).format == kind
    assert Image.open(io.BytesIO(picture.encoded)).getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_know_turns_nothing(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    encoded = encode(Image.fromarray(STORED), "JPEG", exif=exif)
    assert prepared(encoded, "jpg") == Picture(encoded, 48, 32)


def test_a_cmyk_jpeg_looks_the_same_with_adobes_marker_and_without():
    marked = encode(Image.fromarray(STORED).convert("CMYK"), "JPEG", quality=95)
    at = marked.index(b"\xff\xee")
    bare = marked[:at] + marked[at + 2 + struct.unpack(">H", marked[at + 2 : at + 4])[0] :]
    assert prepared(marked, "jpg").encoded == marked
    assert prepared(bare, "jpg").encoded != bare
    for encoded in (marked, bare):
        assert_alike(look(prepared(encoded, "jpg")), STORED)


def test_a_progressive_jpeg_keeps_its_bytes():
    encoded = encode(Image.fromarray(STORED), "JPEG", progressive=True, quality=95)
    picture = prepared(encoded, "jpg")
    assert picture.encoded == encoded
    assert_alike(look(picture), STORED)


@pytest.mark.parametrize(("kind", "extension"), [("PNG", "png"), ("TIFF", "tif"), ("PPM", "pgm")])
def test_of_16_bits_of_grey_the_upper_8_are_seen(kind, extension):
    deep = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    seen = look(prepared(encode(Image.fromarray(deep), kind), extension))
    np.testing.assert_array_equal(seen, np.repeat(deep[..., None] >> 8, 3, axis=2))


def png(depth: int, colour_type: int, row: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Returns a PNG of 2 x 1 px, written by hand: Pillow cannot write all that it reads."""
    header = struct.pack(">IIBBBBB", 2, 1, depth, colour_type, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    framed = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (png(16, 2, struct.pack(">6H", 65535, 32768, 255, 0, 65535, 511)), [[255, 128, 0], [0, 255, 1]]),
        (png(16, 6, struct.pack(">8H", 9, 9, 9, 0, 0, 65535, 511, 65535)), [[255, 255, 255], [0, 255, 1]]),
        (png(16, 4, struct.pack(">4H", 9, 0, 32768, 65535)), [[255, 255, 255], [128, 128, 128]]),
        (png(16, 0, struct.pack(">2H", 300, 32768), (b"tRNS", struct.pack(">H", 300))), [[255] * 3, [128] * 3]),
        (png(8, 3, b"\1\0", (b"PLTE", bytes([200, 0, 9, 0, 100, 0]))), [[0, 100, 0], [200, 0, 9]]),
        (
            png(8, 3, b"\1\0", (b"PLTE", bytes([200, 0, 9, 0, 100, 0])), (b"tRNS", b"\xff\0")),
            [[255, 255, 255], [200, 0, 9]],
        ),
        (png(1, 0, b"\x40"), [[0, 0, 0], [255, 255, 255]]),
        (png(1, 0, b"\x40", (b"tRNS", b"\0\0")), [[255, 255, 255], [255, 255, 255]]),
    ],
    ids=["rgb16", "rgba16", "grey-alpha16", "grey16-clear", "palette", "palette-clear", "1-bit", "1-bit-clear"],
)
def test_pngs_of_every_kind(encoded, expected):
    np.testing.assert_array_equal(look(prepared(encoded, "png"))[0], expected)


def webp(kind: bytes, content: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


@pytest.mark.parametrize(
    "encoded",
    [
        webp(b"VP8X", bytes(4) + (16_000_000 - 1).to_bytes(3, "little") + (12_000 - 1).to_bytes(3, "little")),
        webp(b"VP8L", b"\x2f" + (16_383 | 16_383 << 14).to_bytes(4, "little") + bytes(8)),
        webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 16_383, 16_383) + bytes(8)),
    ],
    ids=["extended", "lossless", "lossy"],
)
def test_a_large_webp_is_refused_before_its_canvas_is_made(encoded):
    with pytest.raises(Refused, match=r"16000000 x 12000 px|1638[34] x 1638[34] px") as caught:
        prepared(encoded, "webp")
    assert caught.value.reason == reasons.IMAGE_TOO_LARGE


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 95}, {"lossless": True, "exif": b"Exif\0\0"}])
def test_a_webps_size_is_read_as_pillow_reads_it(options):
    encoded = encode(Image.fromarray(STORED), "WEBP", **options)
    assert prepare(encoded, "webp", 32 * 48, decode_as_training_does).width == 48
    with pytest.raises(Refused, match="48 x 32 px, above 1535 px"):
        prepare(encoded, "webp", 32 * 48 - 1, decode_as_training_does)
    broken = encoded[:-40] + bytes(40)  # the size alone decides, even where Pillow could not open the file
    with pytest.raises(Refused, match="48 x 32 px, above 1535 px"):
        prepare(broken, "webp", 32 * 48 - 1, decode_as_training_does)


@pytest.mark.parametrize(("kind", "extension"), [("GIF", "gif"), ("WEBP", "webp"), ("PNG", "png")])
def test_of_an_animation_the_first_frame_is_seen(kind, extension):
    first, second = (Image.new("RGB", (8, 6), colour) for colour in ((255, 0, 0), (0, 0, 255)))
    options = {"lossless": True} if kind == "WEBP" else {}
    encoded = encode(first, kind, save_all=True, append_images=[second], **options)
    np.testing.assert_array_equal(look(prepared(encoded, extension)), np.full((6, 8, 3), (255, 0, 0)))
