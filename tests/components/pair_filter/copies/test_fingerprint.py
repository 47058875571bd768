"""Copies of a picture are recognised in any format, size and quality, and other pictures are not."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from components.pair_filter.copies.fingerprint import fingerprint
from components.pair_filter.judging.thumbnail import thumbnail

NEAR = 4  # bits: filter.max_hash_distance


def photo(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Returns blotches of colour of several sizes, as a photograph has them."""
    chance = np.random.default_rng(seed)
    layers = [
        Image.fromarray(chance.integers(0, 256, (side, side, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        for side in (3, 5, 9, 17)
    ]
    return Image.fromarray(np.mean([np.asarray(layer) for layer in layers], axis=0).astype(np.uint8))


def encode(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def apart(first: bytes, second: bytes) -> int:
    return (fingerprint(first).perceptual ^ fingerprint(second).perceptual).bit_count()


def test_lossless_formats_give_equal_numbers_and_other_pixels_do_not():
    image = photo(1)
    found = {fingerprint(encode(image, kind)) for kind in ("PNG", "BMP", "TIFF")}
    assert len(found) == 1
    assert fingerprint(encode(photo(2))).pixels not in {one.pixels for one in found}
    assert fingerprint(encode(image.transpose(Image.Transpose.ROTATE_90))).pixels not in {one.pixels for one in found}


@pytest.mark.parametrize("seed", range(8))
def test_recoded_resized_and_brightened_copies_are_near(seed):
    image = photo(seed)
    copies = [
        encode(image, "JPEG", quality=75),
        encode(image, "JPEG", quality=90, progressive=True),
        encode(image.resize((640, 480), Image.Resampling.BICUBIC), "JPEG"),
        encode(image.resize((200, 150), Image.Resampling.LANCZOS)),
        encode(ImageEnhance.Brightness(image).enhance(0.9), "WEBP"),
    ]
    assert max(apart(encode(image), copy) for copy in copies) <= NEAR


def test_other_pictures_differ_in_about_half_of_the_63_bits():
    hashes = [fingerprint(encode(photo(seed))).perceptual for seed in range(40)]
    distances = [(a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) > 2 * NEAR
    assert 28 < np.mean(distances) < 35


def test_bits_are_the_frequencies_above_the_median():
    column = np.cos(np.pi * (2 * np.arange(32) + 1) / 64)  # the first vertical frequency alone
    stripes = Image.fromarray(np.repeat((128 + 100 * column).astype(np.uint8)[:, None], 32, axis=1))
    assert fingerprint(encode(stripes)).perceptual >> 8 & 1, "row 1, column 0 of 8 x 8"
    assert not fingerprint(encode(stripes)).perceptual & 1, "the constant term says nothing"


def test_what_has_no_contrast_has_no_perceptual_hash_but_equals_its_copy():
    flat = Image.new("RGB", (50, 40), (9, 8, 7))
    assert fingerprint(encode(flat)).perceptual is None
    assert fingerprint(encode(flat)) == fingerprint(encode(flat, "BMP"))
    assert fingerprint(encode(flat)) != fingerprint(encode(flat.resize((40, 50))))


def test_what_does_not_decode_equals_its_identical_copy():
    assert fingerprint(b"no image") == fingerprint(b"no image") != fingerprint(b"another")
    assert fingerprint(b"no image").perceptual is None


def test_pictures_of_sixteen_bits_are_known_by_their_upper_eight():
    eight = np.asarray(photo(3).convert("L"))
    noise = np.random.default_rng(0).integers(0, 256, eight.shape, np.uint16)
    sixteen = Image.fromarray(eight.astype(np.uint16) * 256 + noise)
    assert fingerprint(encode(sixteen)) == fingerprint(encode(Image.fromarray(eight)))
    assert base64.b64decode(thumbnail(encode(sixteen)))[:2] == b"\xff\xd8"
    shown = Image.open(io.BytesIO(base64.b64decode(thumbnail(encode(sixteen))))).convert("L")
    assert np.ptp(np.asarray(shown)) > 50, "it is not all white"
