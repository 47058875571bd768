"""Images that are small in pixels and slow to decode are refused, and their like that are not slow stay."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.pair_example_gen.judging import image_bombs, reasons
from components.pair_example_gen.judging.images import prepare
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.passes.training_decoder import decode_as_training_does
from serving.pictures import View


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(before: bytes = b"", behind: bytes = b"") -> bytes:
    """One black pixel, with chunks before and behind it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(4)))
    return b"\x89PNG\r\n\x1a\n" + header + before + pixels + behind + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def zeros():
    """20 MB in 20 kB."""
    return zlib.compress(bytes(20_000_000), 9)


def refusal(encoded: bytes, extension: str) -> str:
    def refuse_to_decode(*_: object) -> None:
        raise RuntimeError("decoded although it is a bomb")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(View, "pixels", refuse_to_decode)
        with pytest.raises(Refused) as caught:
            prepare(encoded, extension, 10**6, refuse_to_decode)
    assert caught.value.reason == reasons.IMAGE_NOT_DECODABLE
    return caught.value.detail


@pytest.mark.parametrize("start", [b"zTXta\0\0", b"iCCPa\0\0", b"iTXta\0\1\0\0\0"])
def test_a_bomb_of_text_or_profile_before_the_pixels(zeros, start):
    assert "too large" in refusal(png(chunk(start[:4], start[4:] + zeros)), "png")


def test_many_small_texts_before_the_pixels():
    million = zlib.compress(bytes(1_000_000), 9)
    assert "Too much memory" in refusal(png(chunk(b"zTXt", b"a\0\0" + million) * 70), "png")


@pytest.mark.parametrize("start", [b"zTXta\0\0", b"iTXta\0\1\0\0\0"])
def test_bombs_behind_the_pixels_which_pillow_does_not_read(zeros, start):
    bomb = png(behind=chunk(start[:4], start[4:] + zeros) * 4)
    assert Image.open(io.BytesIO(bomb)).size == (1, 1)
    assert "bytes of compressed text in a PNG, above 65536" in refusal(bomb, "png")


def test_some_text_on_either_side_is_no_bomb():
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"made by hand")) + chunk(b"tEXt", b"a\0" + b"x" * 100_000)
    encoded = png(text, text)
    assert image_bombs.compressed_text_bytes(encoded) == 3 + len(zlib.compress(b"made by hand"))
    assert prepare(encoded, "png", 10**6, decode_as_training_does).encoded == encoded


@pytest.fixture(scope="module")
def progressive():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", progressive=True, exif=b"Exif\0\0" + b"\xff\xda\xff\xd9" * 200)
    return buffer.getvalue()


def test_a_jpeg_of_many_scans(progressive):
    last = progressive.rindex(b"\xff\xda")
    bomb = progressive[:-2] + progressive[last:-2] * 100 + progressive[-2:]
    tf.io.decode_image(bomb)  # TensorFlow would decode them all
    assert "110 scans in a JPEG, above 100" in refusal(bomb, "jpg")


def test_scans_are_counted_in_the_jpeg_itself(progressive):
    assert progressive.count(b"\xff\xda") == 210
    film = progressive + b"\xff\xda" * 1000  # as a phone appends one
    for encoded in (progressive, film):
        assert image_bombs.jpeg_scans(encoded) == 10  # libjpeg's script for three channels
        assert prepare(encoded, "jpg", 10**6, decode_as_training_does).encoded == encoded


@pytest.mark.parametrize("cut", [2, 3, 4, 20, 700, -1])
def test_a_cut_jpeg_is_counted_to_its_end(progressive, cut):
    assert image_bombs.jpeg_scans(progressive[:cut]) <= 10


def test_a_format_in_which_the_marker_means_nothing(make_image):
    encoded = make_image(kind="BMP") + b"\xff\xda" * 200
    assert prepare(encoded, "bmp", 10**6, decode_as_training_does).width == 8
