"""Turned, CMYK, progressive, large: what ingest keeps of a picture (how it looks then: test_picture_forms.py)."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.images import prepare
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.passes.training_decoder import decode_as_training_does
from picture_forms import SHOWN, STORED, encode, oriented, png, without_adobe
from serving.normal_form import ADOBE_CMYK, TURN_JPEG, TURN_JPEG_AT, TURN_PNG, TURN_PNG_AT
from serving.pictures import Picture


def prepared(encoded: bytes, extension: str) -> Picture:
    return prepare(encoded, extension, 10**6, decode_as_training_does)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", SHOWN)
def test_a_turned_picture_keeps_all_its_bytes_behind_a_mark(kind, orientation):
    encoded = encode(Image.fromarray(STORED), kind, exif=oriented(orientation))
    picture = prepared(encoded, kind.lower())
    at, mark = (TURN_JPEG_AT, TURN_JPEG) if kind == "JPEG" else (TURN_PNG_AT, TURN_PNG)
    front = mark[orientation - 2] if orientation > 1 else b""
    assert picture.encoded == encoded[:at] + front + encoded[at:]
    assert (picture.height, picture.width) == SHOWN[orientation](STORED).shape[:2]
    assert Image.open(io.BytesIO(picture.encoded)).getexif().get(0x0112) == orientation  # any viewer turns it too


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_exif_does_not_know_turns_nothing(orientation):
    encoded = encode(Image.fromarray(STORED), "JPEG", exif=oriented(orientation))
    picture = prepared(encoded, "jpg")
    assert (picture.encoded, picture.width, picture.height) == (encoded, 48, 32)


def test_a_cmyk_jpeg_keeps_its_bytes_and_gets_adobes_marker_where_it_lacks_it():
    marked = encode(Image.fromarray(STORED).convert("CMYK"), "JPEG", quality=95)
    assert prepared(marked, "jpg").encoded == marked
    bare = without_adobe(marked)
    assert prepared(bare, "jpg").encoded == bare[:2] + ADOBE_CMYK + bare[2:]


@pytest.mark.parametrize("options", [{"progressive": True}, {"optimize": True}])
def test_a_jpeg_keeps_its_bytes(options):
    encoded = encode(Image.fromarray(STORED), "JPEG", quality=95, **options)
    assert prepared(encoded, "jpg").encoded == encoded


def test_16_bits_of_colour_of_which_one_is_transparent_are_refused():
    """Pillow drops the lower halves, by which the transparent colour is known."""
    encoded = png(1, 16, 2, b"\0" + struct.pack(">3H", 300, 301, 302), (b"tRNS", struct.pack(">3H", 300, 301, 302)))
    with pytest.raises(Refused, match="16 bits with one transparent colour"):
        prepared(encoded, "png")


@pytest.mark.parametrize(
    ("dtype", "white"), [(np.float32, 1), (np.float32, 255), (np.int32, 255), (np.int32, 2**31 - 1)]
)
def test_grey_whose_white_is_not_known_is_refused(dtype, white):
    """Where white is 1, Pillow makes a black picture of it; where it is more than 255, a white one."""
    grey = np.array([[0, white // 2, white]]).astype(dtype)
    with pytest.raises(Refused, match="nothing says what is white") as caught:
        prepared(encode(Image.fromarray(grey), "TIFF"), "tif")
    assert caught.value.reason == reasons.IMAGE_FORMAT_NOT_SUPPORTED


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
