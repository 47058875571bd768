"""Pixels: what is served equals what is trained on, and each step against values worked out by hand."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from models.images import augmentation, preprocessing
from models.images.normal_form import normalise


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_an_image_of_the_right_size_passes_unchanged():
    pixels = noise(8, 8)
    np.testing.assert_array_equal(preprocessing.decode_and_resize(tf.constant(png(pixels)), 8), pixels)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_jpeg_and_png_are_the_bytes_of_an_image_library(subsampling):
    buffer = io.BytesIO()
    Image.fromarray(noise(40, 57)).save(buffer, "JPEG", quality=85, subsampling=subsampling)
    for encoded in (buffer.getvalue(), png(noise(40, 57))):
        image = Image.open(io.BytesIO(encoded))
        expected = np.asarray(image.resize((12, 12), Image.Resampling.BILINEAR))
        resized = preprocessing.decode_and_resize(tf.constant(encoded), 12).numpy()
        assert resized.dtype == np.uint8
        np.testing.assert_array_equal(resized, expected)


@pytest.mark.parametrize("image_format", ["JPEG", "GIF", "BMP"])
def test_other_formats_and_grey_images_decode(image_format):
    buffer = io.BytesIO()
    grey = Image.fromarray(np.full((10, 6), 128, np.uint8))
    (grey.convert("RGB") if image_format == "BMP" else grey).save(buffer, image_format)
    settled = normalise(tf.constant(buffer.getvalue()), 10**6)
    resized = preprocessing.decode_and_resize(settled, 4).numpy()
    np.testing.assert_allclose(resized, np.full((4, 4, 3), 128), atol=1)


@pytest.mark.parametrize("broken", [b"", b"not an image", png(noise(8, 8))[:60]])
def test_bytes_that_are_no_image_are_an_invalid_argument(broken):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?i)image|png"):
        preprocessing.preprocess(tf.constant([png(noise(8, 8)), broken]), 8, 8)


@pytest.mark.parametrize(("resize", "crop", "start"), [(346, 289, 28), (4, 2, 1), (5, 4, 0), (3, 3, 0)])
def test_central_crop(resize, crop, start):
    images = tf.reshape(tf.range(resize), [1, resize, 1, 1]) * tf.ones([1, resize, resize, 3], tf.int32)
    cropped = preprocessing.central_crop(images, crop).numpy()
    assert cropped.shape == (1, crop, crop, 3)
    assert cropped[0, 0, 0, 0] == start


def test_scale_maps_bytes_to_plus_minus_one():
    np.testing.assert_allclose(preprocessing.scale(tf.constant([0, 255], tf.uint8)), [-1, 1])


def test_what_was_scaled_before_is_refused():
    once = preprocessing.scale(tf.constant([0, 255], tf.uint8))
    with pytest.raises(TypeError, match=r"images are float32; .* hand over bytes"):
        preprocessing.scale(once)


def test_serving_and_training_see_the_same_pixels():
    encoded = [png(noise(20, 30, 1)), png(noise(64, 64, 2))]
    served = preprocessing.preprocess(tf.constant(encoded), 16, 16).numpy()
    resized = tf.stack([preprocessing.decode_and_resize(tf.constant(image), 16) for image in encoded])
    trained = preprocessing.scale(
        tf.stack([augmentation.random_crop(image, 16, tf.zeros([2])) for image in resized])
    ).numpy()
    np.testing.assert_array_equal(served, trained)
    assert served.min() >= -1
    assert served.max() <= 1
