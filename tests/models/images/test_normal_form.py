"""What the served graph reads of a file, against the Python that ingest reads it with, and what it refuses."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.images import normal_form
from models.images.decoding import decode, on_white
from picture_forms import STORED, encode, forms, oriented
from serving.normal_form import EXIF_START, MAX_PARTS, read_header, read_turn
from serving.normal_form import normalise as normalise_in_python

LIMIT = 10**6
KEPT = [form.encoded for form in forms() if form.encoded[:2] in (b"\xff\xd8", b"\x89P")]
SMALL = [min((form for form in KEPT if form.startswith(start)), key=len) for start in (b"\xff\xd8", b"\x89P")]


@pytest.fixture(scope="module")
def normalise():
    specs = [tf.TensorSpec([], tf.string)]
    graph = tf.function(lambda b: normal_form.normalise(b, LIMIT), input_signature=specs, autograph=False)
    return lambda encoded: graph(tf.constant(encoded)).numpy()


@pytest.fixture(scope="module")
def turn_in_graph():
    graph = tf.function(normal_form.read_turn, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
    return lambda exif: int(graph(tf.constant(exif)))


def test_opacity_is_rounded_as_an_image_library_does():
    shade, opacity = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    clear = Image.fromarray(np.dstack([shade, shade, shade, opacity]))
    page = Image.new("RGBA", clear.size, "white")
    page.alpha_composite(clear)
    np.testing.assert_array_equal(on_white(tf.constant(np.asarray(clear))), np.asarray(page)[..., :3])


def test_the_graph_and_python_make_the_same_bytes(normalise):
    assert len(KEPT) > 40
    for encoded in KEPT:
        header = read_header(encoded)
        if not header.keyed:
            assert normalise(encoded) == normalise_in_python(encoded, header)
        assert normalise(normalise(encoded)) == normalise(encoded)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_the_graph_reads_damaged_files_as_python_does(normalise, data):
    encoded = bytearray(data.draw(st.sampled_from(KEPT[:8] + SMALL)))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(3, min(len(encoded) - 1, 120)))] = data.draw(st.integers(0, 255))
    damaged = bytes(encoded[: data.draw(st.integers(34, len(encoded)))])
    try:
        found = normalise(damaged)
    except tf.errors.InvalidArgumentError:
        return
    header = read_header(damaged)
    if header is not None and not header.keyed:
        assert found == normalise_in_python(damaged, header)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_the_graph_reads_damaged_exif_as_python_does(turn_in_graph, data):
    exif = bytearray(
        data.draw(st.sampled_from([b"", EXIF_START])) + oriented(data.draw(st.integers(0, 9))).tobytes()[6:]
    )
    for _ in range(data.draw(st.integers(0, 3))):
        exif[data.draw(st.integers(0, len(exif) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(exif[: data.draw(st.integers(0, len(exif)))])
    assert turn_in_graph(cut) == read_turn(cut)


def large(kind: str, side: int) -> bytes:
    """Returns a file whose header states side x side pixels; a PNG's are there, in few bytes."""
    if kind == "PNG":
        header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
        parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes((side // 8 + 1) * side))), (b"IEND", b"")]
        framed = (struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts)
        return b"\x89PNG\r\n\x1a\n" + b"".join(framed)
    encoded = bytearray(encode(Image.fromarray(STORED), kind))
    if kind == "JPEG":
        at = encoded.index(b"\xff\xc0")
        encoded[at + 5 : at + 9] = struct.pack(">HH", side, side)
    elif kind == "GIF":
        encoded[6:10] = struct.pack("<HH", side, side)
    else:
        encoded[18:26] = struct.pack("<ii", side, -side)
    return bytes(encoded)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP"])
def test_a_large_picture_is_refused_by_its_header(normalise, kind):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"12000 x 12000 px, above {LIMIT} px in all"):
        normalise(large(kind, 12_000))
    with pytest.raises(tf.errors.InvalidArgumentError, match="1001 x 1001 px, above"):
        normalise(large(kind, 1001))


def test_the_limit_itself_is_allowed(normalise):
    encoded = large("PNG", 1000)
    assert normalise(encoded) == encoded


def test_all_headers_are_judged_before_any_picture_is_decoded():
    """The first picture is broken behind its header, which decoding alone would find."""
    broken = encode(Image.fromarray(STORED), "PNG")[:-40]
    with pytest.raises(tf.errors.InvalidArgumentError, match="12000 x 12000 px"):
        tf.map_fn(
            decode,
            normal_form.normalise_all(tf.constant([broken, large("PNG", 12_000)]), LIMIT),
            fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8),
        )


@pytest.mark.parametrize("start", [SMALL[0][:2], SMALL[1][:33], encode(Image.fromarray(STORED), "GIF")[:-1]])
def test_a_file_of_very_many_parts_is_refused(normalise, start):
    part = {b"\xff\xd8": b"\xff\x01", b"\x89P": bytes(4) + b"teSt" + bytes(4), b"GI": b"!\xfe\0"}[start[:2]]
    if start[:2] == b"GI":
        start = start[: start.index(b",")]  # before the image
    with pytest.raises(tf.errors.InvalidArgumentError, match="more than 20000 parts"):
        normalise(start + part * (MAX_PARTS + 1))


@pytest.mark.parametrize("content", [b"", b"B", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"<html>"])
def test_what_is_no_picture_is_an_invalid_argument(normalise, content):
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(tf.constant(normalise(content)))
