"""Images are refused by their header first, and what TensorFlow misreads is transcoded."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.images import prepare
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.passes.training_decoder import decode_as_training_does
from components.pair_filter.copies.fingerprint import fingerprint
from models.images.decoding import decode
from serving.pictures import View

LIMIT = 1_000_000


def refuse_to_decode(*_: object) -> None:
    raise RuntimeError("decoded although its header forbids it")


def refusal(encoded: bytes, extension: str = "png", limit: int = LIMIT, check=decode_as_training_does) -> str:
    with pytest.MonkeyPatch.context() as patch:
        if check is refuse_to_decode:
            patch.setattr(View, "pixels", refuse_to_decode)
        with pytest.raises(Refused) as caught:
            prepare(encoded, extension, limit, check)
    return caught.value.reason


def encode(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def seen_by_tensorflow(encoded: bytes) -> np.ndarray:
    return tf.io.decode_image(encoded, channels=3, expand_animations=False).numpy()


def huge_png(side: int) -> bytes:
    """A valid one-bit PNG of side x side pixels: some kilobytes that decode to side * side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    pixels = zlib.compress(bytes((side // 8 + 1) * side))
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("limit", [64_000_000, 10**6])
def test_a_bomb_is_refused_by_its_header(limit):
    bomb = huge_png(20_000)
    assert len(bomb) < 100_000
    assert refusal(bomb, limit=limit, check=refuse_to_decode) == reasons.IMAGE_TOO_LARGE


def test_the_limit_itself_is_allowed(make_image):
    assert prepare(make_image(10, 10), "png", 100, decode_as_training_does).width == 10
    assert refusal(make_image(10, 10), limit=99, check=refuse_to_decode) == reasons.IMAGE_TOO_LARGE


@pytest.mark.parametrize(
    ("kind", "extension", "mode"),
    [("JPEG", "jpg", mode) for mode in ("RGB", "L", "CMYK")]
    + [("PNG", "png", mode) for mode in ("RGB", "L", "P", "1", "I;16")],
)
def test_what_tensorflow_reads_keeps_its_bytes(kind, extension, mode):
    image = Image.new("RGB", (8, 6), (10, 200, 30))
    encoded = encode(image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode), kind)
    picture = prepare(encoded, extension, LIMIT, decode_as_training_does)
    assert picture.encoded == encoded
    assert (picture.width, picture.height) == (8, 6)
    assert seen_by_tensorflow(encoded).shape == (6, 8, 3)


@pytest.mark.parametrize(
    ("kind", "extension", "mode"),
    [
        ("GIF", "gif", "P"),
        ("WEBP", "webp", "RGB"),
        ("TIFF", "tif", "RGB"),
        ("PPM", "ppm", "RGB"),
        ("BMP", "bmp", "RGB"),
        ("BMP", "bmp", "P"),
    ],
)
def test_what_tensorflow_misreads_becomes_a_png_of_the_same_look(kind, extension, mode):
    image = Image.new("RGB", (8, 6), (255, 0, 51)).convert(mode)
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = prepare(encode(image, kind, **options), extension, LIMIT, decode_as_training_does)
    assert Image.open(io.BytesIO(picture.encoded)).format == "PNG"
    np.testing.assert_array_equal(seen_by_tensorflow(picture.encoded), np.asarray(image.convert("RGB")))


def test_transparent_images_are_laid_on_white():
    image = Image.new("RGBA", (2, 1), (200, 0, 0, 0))
    image.putpixel((1, 0), (200, 0, 0, 255))
    expected = [[[255, 255, 255], [200, 0, 0]]]
    for encoded, extension in (
        (encode(image, "PNG"), "png"),
        (encode(image, "WEBP", lossless=True), "webp"),
        (encode(image.convert("P"), "PNG", transparency=image.convert("P").getpixel((0, 0))), "png"),
    ):
        picture = prepare(encoded, extension, LIMIT, decode_as_training_does)
        np.testing.assert_array_equal(decode(tf.constant(picture.encoded))[:, :1], np.array(expected)[:, :1])
    np.testing.assert_array_equal(decode(tf.constant(prepare(encode(image, "PNG"), "png", 9, bool).encoded)), expected)


def test_transcoding_the_same_image_twice_gives_the_same_bytes():
    encoded = encode(Image.new("RGBA", (4, 4), (1, 2, 3, 128)), "WEBP")
    assert prepare(encoded, "webp", LIMIT, bool) == prepare(encoded, "webp", LIMIT, bool)


@pytest.mark.parametrize(
    ("encoded", "extension", "reason"),
    [
        (b"", "jpg", reasons.IMAGE_NOT_DECODABLE),
        (b"\xff\xd8\xff\xe0 no more", "jpg", reasons.IMAGE_NOT_DECODABLE),
        (b"<html>not found</html>", "png", reasons.IMAGE_NOT_DECODABLE),
        (b"<html>not found</html>", "webp", reasons.IMAGE_NOT_DECODABLE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg", reasons.IMAGE_FORMAT_NOT_SUPPORTED),
        (b"\0\0\0\x18ftypheic", "heic", reasons.IMAGE_FORMAT_NOT_SUPPORTED),
    ],
)
def test_what_is_no_image_is_named(encoded, extension, reason):
    assert refusal(encoded, extension) == reason


@pytest.mark.parametrize(("kind", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("GIF", "gif"), ("WEBP", "webp")])
def test_half_an_image_is_not_decodable(kind, extension):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    encoded = encode(Image.fromarray(noise), kind)
    assert refusal(encoded[: len(encoded) // 2], extension) == reasons.IMAGE_NOT_DECODABLE


def test_a_file_is_known_by_its_content_not_by_its_extension(make_image):
    assert prepare(make_image(kind="JPEG"), "png", LIMIT, decode_as_training_does).width == 8


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_kept_or_refused_by_name(make_image, data):
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM"]))
    encoded = bytearray(make_image(kind=kind))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Refused):  # whatever else is raised fails the test
        picture = prepare(bytes(encoded), "png", LIMIT, decode_as_training_does)
        assert decode(tf.constant(picture.encoded)).shape == (picture.height, picture.width, 3)
        assert picture.fingerprint == fingerprint(picture.encoded)
