"""Resizing against Pillow itself, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.images.resize import resize, resize_part


def by_pillow(pixels: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_half_the_size_by_hand():
    """A pixel of the result is a triangle over four pixels, 1 3 3 1, cut off and made whole at the ends: 3 3 1."""
    pixels = np.repeat(np.uint8([[0], [70], [140], [210]])[:, :, np.newaxis], 3, axis=2)
    column = resize(tf.constant(pixels), 2).numpy()[:, 0, 0]
    assert column.tolist() == [50, 160]  # (0 * 3 + 70 * 3 + 140) / 7, (70 + 140 * 3 + 210 * 3) / 7


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [(224, 224, 346), (289, 289, 346), (346, 346, 346), (692, 692, 346), (300, 401, 75), (37, 23, 75), (900, 13, 61)],
)
def test_the_bytes_are_pillows(height, width, side):
    pixels = noise(height, width)
    np.testing.assert_array_equal(resize(tf.constant(pixels), side), by_pillow(pixels, side))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 40), st.integers(0, 2**32))
def test_the_bytes_are_pillows_at_any_size(height, width, side, seed):
    pixels = noise(height, width, seed)
    np.testing.assert_array_equal(resize(tf.constant(pixels), side), by_pillow(pixels, side))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 70), st.integers(1, 70), st.integers(1, 40))
def test_a_part_is_that_of_the_whole(data, height, width, side):
    part = data.draw(st.integers(1, side))
    top, left = (data.draw(st.integers(0, side - part)) for _ in range(2))
    pixels = tf.constant(noise(height, width, height * width))
    expected = resize(pixels, side)[top : top + part, left : left + part]
    np.testing.assert_array_equal(resize_part(pixels, side, tf.constant([top, left]), part), expected)


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_one_colour_stays_that_colour(value):
    pixels = np.full((53, 41, 3), value, np.uint8)
    np.testing.assert_array_equal(resize(tf.constant(pixels), 17), np.full((17, 17, 3), value))
