"""From encoded images to a model's numbers: squares, scales and layouts worked out by hand."""

import io

import numpy as np
import pytest
from PIL import Image

from components.pair_filter.judging.model_input import decode_square, scaled
from components.pair_filter.model_config import ImageModelConfig


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_picture_of_one_colour_stays_so_at_any_size(kind):
    square = decode_square(encoded(Image.new("RGB", (40, 90), (200, 60, 10)), kind), side=8)
    assert square.shape == (8, 8, 3)
    assert square.dtype == np.uint8
    assert np.abs(square.astype(int) - (200, 60, 10)).max() <= 4, "what JPEG and WebP change of a colour"


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_any_mode_becomes_rgb(mode):
    image = Image.new("RGB", (20, 20), (255, 255, 255)).convert(mode)
    assert (decode_square(encoded(image, "JPEG" if mode == "CMYK" else "PNG"), side=4) == 255).all()


def test_sixteen_bits_of_grey_become_eight():
    grey = Image.fromarray(np.full((9, 9), 0x40FF, np.uint16))
    assert np.unique(decode_square(encoded(grey), side=3)).tolist() == [0x40]


def test_an_image_is_squeezed_not_cropped():
    halves = Image.new("RGB", (40, 10))
    halves.paste((255, 255, 255), (20, 0, 40, 10))
    square = decode_square(encoded(halves), side=2)
    assert (square[:, 0].max() < 40, square[:, 1].min() > 215) == (True, True)


def test_a_large_jpeg_is_decoded_at_reduced_scale_and_looks_the_same():
    ramp = Image.fromarray(np.tile(np.arange(1024) // 4, (768, 1)).astype(np.uint8)).convert("RGB")
    square = decode_square(encoded(ramp, "JPEG"), side=16)
    middles = (np.arange(16) + 0.5) * 16 - 0.5  # grey level in the middle of each of 16 columns
    assert np.abs(square.mean(axis=(0, 2)) - middles).max() < 3


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"no image", encoded(Image.new("RGB", (50, 50)))[:60]])
def test_what_does_not_decode_is_no_square(content):
    assert decode_square(content, side=4) is None


PIXELS = np.array([[[[0, 51, 255]]]], np.uint8)  # one image of one pixel


@pytest.mark.parametrize(
    ("scale", "values"),
    [
        ("zero_to_one", (0, 0.2, 1)),
        ("minus_one_to_one", (-1, -0.6, 1)),
        ("imagenet", ((0 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (1 - 0.406) / 0.225)),
    ],
)
def test_scales(scale, values):
    found = scaled(PIXELS, ImageModelConfig("m", 1, scale))
    assert found.dtype == np.float32
    assert found.ravel() == pytest.approx(values, abs=1e-6)


def test_bytes_stay_as_they_are_and_channels_go_where_they_are_wanted():
    random = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3), np.uint8)
    found = scaled(random, ImageModelConfig("m", 5, "bytes", layout="nchw"))
    assert found.dtype == np.uint8
    assert found.shape == (2, 3, 5, 5)
    assert (found[1, 2] == random[1, :, :, 2]).all()
