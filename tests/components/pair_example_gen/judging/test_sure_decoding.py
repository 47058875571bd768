"""Where a verdict is given without TensorFlow it is the one of the training's decoder, however a file is damaged."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.pair_example_gen.judging.sure_decoding import tensorflow_decodes
from models.images.decoding import decode
from picture_forms import png
from serving.pictures import PictureError, View

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
IEND = b"\0\0\0\0IEND\xae\x42\x60\x82"
PIXELS = b"\0\1\2\3" * 2


def picture(mode: str) -> Image.Image:
    blocks = np.random.default_rng(0).integers(0, 256, (9, 11, CHANNELS[mode]), np.uint8)
    return Image.fromarray(np.kron(blocks, np.ones((8, 8, 1), np.uint8)).squeeze(), mode)


def encode(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


JPEGS = (
    encode(picture("RGB"), "JPEG"),
    encode(picture("RGB"), "JPEG", progressive=True),
    encode(picture("RGB"), "JPEG", subsampling=0, restart_marker_blocks=2),
    encode(picture("L"), "JPEG", exif=b"Exif\0\0" + b"\xff\xda\xff\xd9"),
    encode(picture("CMYK"), "JPEG"),
)
PNGS = (
    *(encode(picture(mode), "PNG") for mode in ("L", "LA", "RGB", "RGBA")),
    encode(picture("RGB").quantize(16), "PNG", transparency=b"\0\x80"),
    encode(picture("L").convert("1"), "PNG"),
    encode(Image.fromarray(np.asarray(picture("L")).astype(np.uint16) * 257), "PNG"),
    png(2, 8, 2, bytes(7) * 2),
)


def verdict(encoded: bytes) -> bool | None:
    """Returns what is said of a file once Pillow has tried it."""
    try:
        View(encoded).pixels("L", 64)
    except PictureError as error:
        return tensorflow_decodes(encoded, str(error))
    return tensorflow_decodes(encoded, "")


def training_decodes(encoded: bytes) -> bool:
    try:
        decode(tf.constant(encoded))
    except tf.errors.OpError:
        return False
    return True


def holds(encoded: bytes) -> bool:
    said = verdict(encoded)
    return said is None or said == training_decodes(encoded)


@pytest.mark.parametrize("encoded", JPEGS + PNGS)
def test_whole_ones_are_sure(encoded):
    assert verdict(encoded) is True
    assert training_decodes(encoded)


@pytest.mark.parametrize("encoded", [JPEGS[0][:900], JPEGS[1][:900], PNGS[2][:-100], PNGS[2][:-12]])
def test_cut_ones_are_surely_not_decoded(encoded):
    assert verdict(encoded) is False
    assert not training_decodes(encoded)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize(
    ("encoded", "pillow", "training"),
    [
        (png(1, 8, 2, PIXELS).replace(b"\xae\x42\x60\x82", bytes(4)), True, False),
        (png(1, 8, 2, PIXELS).replace(struct.pack(">II", 1, 2), struct.pack(">II", 1, 9), 1), False, False),
        (png(1, 8, 2, PIXELS, (b"PLTE", b"")), True, False),
        (png(1, 8, 2, PIXELS, (b"abCD", b"")), True, True),
        (png(1, 8, 2, PIXELS, (b"ABCD", b"")), True, False),
        (png(1, 8, 2, PIXELS)[:-12] + chunk(b"pHYs", b"\1") + IEND, False, True),
    ],
    ids=["checksum", "header's", "palette", "unknown", "unknown and critical", "Pillow minds it"],
)
def test_where_the_two_differ_nothing_wrong_is_said(encoded, pillow, training):
    try:
        View(encoded).pixels()
    except PictureError:
        assert not pillow
    else:
        assert pillow
    assert training_decodes(encoded) == training
    assert holds(encoded)
    assert pillow == training or verdict(encoded) is None


def test_too_few_rows_of_which_pillow_says_nothing():
    rows = zlib.compress(bytes(4) * 3)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 9, 8, 2, 0, 0, 0))
    short = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + IEND
    View(short).pixels()
    assert not training_decodes(short)
    assert verdict(short) is None


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_jpegs(data):
    encoded = bytearray(data.draw(st.sampled_from(JPEGS)))
    region = data.draw(st.sampled_from([slice(2, 700), slice(2, None), slice(-40, None)]))
    places = range(*region.indices(len(encoded)))
    for _ in range(data.draw(st.integers(1, 3))):
        value = data.draw(st.sampled_from([0, 0xC0, 0xC4, 0xD9, 0xDA, 0xFF]) | st.integers(0, 255))
        encoded[data.draw(st.sampled_from(places))] = value
    kept = data.draw(st.just(len(encoded)) | st.integers(4, len(encoded)))
    assert holds(bytes(encoded[:kept]))


KINDS = [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"iCCP", b"pHYs", b"zTXt", b"eXIf", b"acTL", b"fdAT"]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_pngs_of_damaged_chunks_with_right_checksums(data):
    encoded = data.draw(st.sampled_from(PNGS))
    chunks, at = [], 8
    while at < len(encoded):
        size = int.from_bytes(encoded[at : at + 4], "big")
        chunks.append((encoded[at + 4 : at + 8], encoded[at + 8 : at + 8 + size]))
        at += 12 + size
    place = data.draw(st.integers(0, len(chunks) - 1))
    kind, content = chunks[place]
    match data.draw(st.sampled_from(["content", "drop", "repeat", "insert", "rows"])):
        case "content" if content:
            where, value = data.draw(st.integers(0, len(content) - 1)), data.draw(st.binary(min_size=1, max_size=1))
            chunks[place] = kind, content[:where] + value + content[where + 1 :]
        case "drop":
            del chunks[place]
        case "repeat":
            chunks.insert(data.draw(st.integers(0, len(chunks))), chunks[place])
        case "insert":
            chunks.insert(place, (data.draw(st.sampled_from(KINDS)), data.draw(st.binary(max_size=9))))
        case "rows":
            rows = zlib.decompress(b"".join(of for kind, of in chunks if kind == b"IDAT"))
            rows = rows[: data.draw(st.integers(0, len(rows)))] + data.draw(st.binary(max_size=5))
            first = [kind for kind, _ in chunks].index(b"IDAT")
            deflate = zlib.compressobj(9, zlib.DEFLATED, data.draw(st.sampled_from([9, 15])))
            stream = deflate.compress(rows) + deflate.flush()
            cut = data.draw(st.integers(0, len(stream)))
            parts = [(b"IDAT", stream[:cut]), (b"IDAT", stream[cut:])]
            chunks = chunks[:first] + parts + [one for one in chunks[first:] if one[0] != b"IDAT"]
    assert holds(encoded[:8] + b"".join(chunk(kind, content) for kind, content in chunks))
