"""Chance in training images: what may be drawn, how often, and the same by the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from models import augmentation


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def floats(batch: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (batch, size, size, 3)).astype(np.float32)


def test_random_crops_are_windows_of_their_image_and_reach_every_place():
    image = np.arange(3 * 3 * 3, dtype=np.uint8).reshape(3, 3, 3)
    crops = augmentation.random_crop(tf.constant(np.repeat(image[None], 200, 0)), 2, [1, 2]).numpy()
    windows = {image[y : y + 2, x : x + 2].tobytes() for y in (0, 1) for x in (0, 1)}
    assert {crop.tobytes() for crop in crops} == windows


def test_each_image_keeps_to_its_own_pixels():
    images = np.stack([np.full((4, 4, 3), value, np.uint8) for value in range(5)])
    crops = augmentation.random_flip(augmentation.random_crop(tf.constant(images), 3, [0, 0]), [0, 1]).numpy()
    np.testing.assert_array_equal(crops, images[:, :3, :3])


def test_half_of_the_images_are_mirrored():
    image = noise(2, 2)
    flipped = augmentation.random_flip(tf.constant(np.repeat(image[None], 1000, 0)), [3, 4]).numpy()
    mirrored = (flipped == image[:, ::-1]).all(axis=(1, 2, 3))
    assert ((flipped == image).all(axis=(1, 2, 3)) ^ mirrored).all()
    assert 0.45 < mirrored.mean() < 0.55


def test_the_same_seed_draws_the_same():
    images = tf.constant(noise(16, 16)[None].repeat(32, 0))
    first, again, other = (augmentation.random_crop(images, 5, [7, n]).numpy() for n in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_resized_crop_of_everything_is_the_image():
    images = noise(8, 8)[None].repeat(4, 0)
    crops = augmentation.random_resized_crop(tf.constant(images), 8, 1.0, [1, 2]).numpy()
    whole = [crop for crop in crops if np.abs(crop - images[0]).max() < 1e-3]
    assert crops.shape == (4, 8, 8, 3)
    assert len(whole) < 4  # the aspect ratio still varies, and what sticks out is cut


def test_resized_crops_cover_at_least_the_asked_area():
    ramp = np.linspace(0, 255, 64, dtype=np.float32)
    image = np.stack([np.tile(ramp[:, None], (1, 64)), np.tile(ramp, (64, 1)), np.zeros((64, 64))], axis=-1)
    crops = augmentation.random_resized_crop(tf.constant(image[None].repeat(500, 0)), 16, 0.5, [5, 6]).numpy()
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
    images = floats(3, 4)
    np.testing.assert_allclose(augmentation.random_colours(tf.constant(images), 0.0, [1, 2]), images, atol=1e-6)


def test_colours_shift_each_image_by_itself_within_the_range():
    images = floats(1, 4).repeat(200, 0)
    shifted = augmentation.random_colours(tf.constant(images), 0.5, [1, 2]).numpy()
    assert np.abs(shifted).max() <= 1
    assert len({image.tobytes() for image in shifted}) == 200
    brightness = shifted.mean(axis=(1, 2, 3)) - images[0].mean()
    assert 0.15 < np.abs(brightness).max() <= 0.26
    grey = np.full((50, 4, 4, 3), 0.1, np.float32)  # has neither saturation nor contrast, so brightness alone moves it
    moved = augmentation.random_colours(tf.constant(grey), 0.5, [3, 4]).numpy() - 0.1
    np.testing.assert_allclose(moved, np.broadcast_to(moved[:, :1, :1, :1], moved.shape), atol=1e-5)
    assert 0.2 < np.abs(moved).max() <= 0.25


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_asked_share_loses_its_colours(share):
    images = floats(1, 4).repeat(1000, 0)
    drawn = augmentation.random_greyscale(tf.constant(images), share, [1, 2]).numpy()
    grey = (np.ptp(drawn, axis=-1) < 1e-6).all(axis=(1, 2))
    assert abs(grey.mean() - share) < 0.05
    np.testing.assert_array_equal(drawn[~grey], images[~grey])
    luma = images[0] @ np.array([0.2989, 0.587, 0.114])
    for image in drawn[grey][:1]:
        np.testing.assert_allclose(image[..., 0], luma, atol=1e-5)
