"""Chance in training images: what each draw does, worked out by hand, and how often."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from models.images import augmentation, preprocessing
from models.training_config import TrainingConfig

ALMOST_1 = float(np.nextafter(np.float32(1), np.float32(0)))
ROUNDING = 127.5e-6  # of float32 in colours


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def floats(size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, (size, size, 3)).astype(np.float32)


def draws(number: int, seed: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).random(number), tf.float32)


@pytest.mark.parametrize(
    ("drawn", "top", "left"),
    [((0.0, 0.0), 0, 0), ((0.49, 0.51), 0, 1), ((0.5, 0.0), 1, 0), ((ALMOST_1, ALMOST_1), 1, 1)],
)
def test_a_random_crop_is_a_window_of_the_image(drawn, top, left):
    image = noise(3, 3)
    crop = augmentation.random_crop(tf.constant(image), 2, tf.constant(drawn)).numpy()
    np.testing.assert_array_equal(crop, image[top : top + 2, left : left + 2])


@pytest.mark.parametrize("places", [1, 2, 3, 16, 58, 255])
def test_the_greatest_draw_stays_inside(places):
    image = tf.zeros([places + 3, places + 3, 3], tf.uint8)
    assert augmentation.random_crop(image, 4, tf.constant([ALMOST_1, ALMOST_1])).shape == (4, 4, 3)


def test_half_of_the_draws_mirror():
    image = noise(2, 3)
    np.testing.assert_array_equal(augmentation.random_flip(tf.constant(image), tf.constant(0.499)), image[:, ::-1])
    np.testing.assert_array_equal(augmentation.random_flip(tf.constant(image), tf.constant(0.5)), image)


def test_a_resized_crop_of_everything_is_the_image():
    image = noise(8, 8)
    even = tf.constant([0.7, 0.5, 0.3, 0.9])  # ratio 1
    np.testing.assert_allclose(augmentation.random_resized_crop(tf.constant(image), 8, 1.0, even), image, atol=1e-3)
    high = tf.constant([0.7, ALMOST_1, 0.3, 0.9])  # the ratio still varies, and what sticks out is cut
    assert np.abs(augmentation.random_resized_crop(tf.constant(image), 8, 1.0, high) - image).max() > 1


def test_resized_crops_cover_at_least_the_asked_area():
    ramp = np.linspace(0, 255, 64, dtype=np.float32)
    image = np.stack([np.tile(ramp[:, None], (1, 64)), np.tile(ramp, (64, 1)), np.zeros((64, 64))], axis=-1)
    cut = tf.function(lambda drawn: augmentation.random_resized_crop(tf.constant(image), 16, 0.5, drawn))
    crops = np.stack([cut(draws(4, seed)).numpy() for seed in range(300)])
    heights = (crops[:, -1, 0, 0] - crops[:, 0, 0, 0]) / 255  # the ramps tell which rows and columns were cut
    widths = (crops[:, 0, -1, 1] - crops[:, 0, 0, 1]) / 255
    areas = heights * widths
    assert areas.min() > 0.5 / augmentation.MAX_CROP_ASPECT_RATIO**0.5 - 0.01  # a side that sticks out is cut
    assert areas.max() <= 1.001
    assert areas.std() > 0.05
    assert (heights / widths).max() <= augmentation.MAX_CROP_ASPECT_RATIO + 0.01
    assert (heights / widths).min() >= 1 / augmentation.MAX_CROP_ASPECT_RATIO - 0.01
    assert crops[:, 0, 0, 0].std() > 5  # places vary
    assert crops[:, 0, 0, 1].std() > 5


def test_colours_of_no_strength_stay():
    image = floats(4)
    np.testing.assert_allclose(augmentation.random_colours(tf.constant(image), 0.0, draws(3, 1)), image, atol=ROUNDING)


def test_colours_in_the_middle_of_their_range_stay():
    image = floats(4)
    middle = tf.constant([0.5, 0.5, 0.5])
    np.testing.assert_allclose(augmentation.random_colours(tf.constant(image), 1.0, middle), image, atol=ROUNDING)


def test_each_colour_draw_does_its_own():
    image = tf.constant(96 + floats(4) / 4)  # far from the ends, so that nothing is clipped
    bright = augmentation.random_colours(image, 0.4, tf.constant([0.5, 0.5, 1.0])).numpy()
    np.testing.assert_allclose(bright - image, np.full(image.shape, 25.5), atol=ROUNDING)  # strength / 4 of 255
    flat = augmentation.random_colours(image, 1.0, tf.constant([0.5, 0.0, 0.5])).numpy()
    np.testing.assert_allclose(flat, np.full(image.shape, np.mean(image)), atol=ROUNDING)
    grey = augmentation.random_colours(image, 1.0, tf.constant([0.0, 0.5, 0.5])).numpy()
    np.testing.assert_allclose(grey, np.repeat(tf.image.rgb_to_grayscale(image), 3, axis=-1), atol=ROUNDING)


@pytest.mark.parametrize("seed", range(5))
def test_colours_stay_in_range(seed):
    image = augmentation.random_colours(tf.constant(floats(4, seed)), 1.0, draws(3, seed)).numpy()
    assert image.min() >= 0
    assert image.max() <= 255


def test_greyscale_takes_the_asked_share():
    image = floats(4)
    grey = np.repeat(tf.image.rgb_to_grayscale(image), 3, axis=-1)
    np.testing.assert_array_equal(augmentation.random_greyscale(tf.constant(image), 0.3, tf.constant(0.29)), grey)
    np.testing.assert_array_equal(augmentation.random_greyscale(tf.constant(image), 0.3, tf.constant(0.3)), image)


PLAIN = {"steps": 1, "warmup_steps": 0, "batch": 2, "horizontal_flip": False}


@pytest.mark.parametrize("seed", range(5))
def test_the_papers_augmentations_move_bytes_and_change_none(seed):
    """What is scaled in the step is what scaling each crop gave, bit for bit."""
    image, drawn = noise(9, 9), draws(augmentation.DRAWS, seed)
    top, left = (drawn.numpy()[:2] * 4).astype(int)
    expected = image[top : top + 6, left : left + 6]
    if drawn[4] < 0.5:
        expected = expected[:, ::-1]
    augmented = augmentation.augment(tf.constant(image), 6, TrainingConfig(**{**PLAIN, "horizontal_flip": True}), drawn)
    assert augmented.dtype == tf.uint8
    np.testing.assert_array_equal(augmented, expected)
    np.testing.assert_array_equal(preprocessing.scale(augmented), preprocessing.scale(tf.constant(expected)))


@pytest.mark.parametrize("seed", range(5))
def test_other_augmentations_round_once_at_the_end(seed):
    image, drawn = tf.constant(noise(6, 6)), draws(augmentation.DRAWS, seed)
    fields = {"min_crop_area": 0.5, "colour_jitter": 0.4, "greyscale_share": 0.5}
    exact = augmentation.random_resized_crop(image, 6, 0.5, drawn[:4])
    exact = augmentation.random_greyscale(augmentation.random_colours(exact, 0.4, drawn[5:8]), 0.5, drawn[8])
    augmented = augmentation.augment(image, 6, TrainingConfig(**{**PLAIN, **fields}), drawn)
    assert augmented.dtype == tf.uint8
    assert np.abs(augmented.numpy() - exact.numpy()).max() <= 0.5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fields", [{}, {"min_crop_area": 0.5}, {"colour_jitter": 0.4, "greyscale_share": 0.5}])
def test_an_encoded_image_is_augmented_as_the_resized_one(fields, seed):
    encoded, drawn = tf.io.encode_png(noise(37, 23)), draws(augmentation.DRAWS, seed)
    training = TrainingConfig(**{**PLAIN, "horizontal_flip": True, **fields})
    expected = augmentation.augment(preprocessing.decode_and_resize(encoded, 12), 8, training, drawn)
    np.testing.assert_array_equal(augmentation.augment_encoded(encoded, 12, 8, training, drawn), expected)


@pytest.mark.parametrize(
    "fields", [{"horizontal_flip": True}, {"min_crop_area": 0.5}, {"colour_jitter": 0.4}, {"greyscale_share": 0.5}]
)
def test_augmentations_apply_as_configured(fields):
    image = tf.constant(noise(6, 6))
    untouched = augmentation.augment(image, 6, TrainingConfig(**PLAIN), tf.zeros([augmentation.DRAWS])).numpy()
    np.testing.assert_array_equal(untouched, image)
    changed = augmentation.augment(
        image, 6, TrainingConfig(**{**PLAIN, **fields}), tf.zeros([augmentation.DRAWS])
    ).numpy()
    assert changed.shape == untouched.shape
    assert (changed != untouched).any()
