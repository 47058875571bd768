"""What chance does to training images: where they are cut, whether they are mirrored, how their colours shift.

Each function draws for each image by itself, and the same seed draws the same. The paper has random_crop and
random_flip alone; the others are for small data, which a model sees many times.

Legend: B images in a batch, R model.image_resize_px, S model.image_crop_px.
"""

from __future__ import annotations

import math

import tensorflow as tf

from models.preprocessing import RGB

MAX_CROP_ASPECT_RATIO = 1.25  # of a resized crop's sides: images are resized to squares, so shapes vary in the wild


def random_crop(images: tf.Tensor, crop_px: int, seed: tf.Tensor) -> tf.Tensor:
    """Cut a square from a place drawn uniformly for each image.

    Args:
      images: [B, R, R, 3].
      crop_px: S, pixels, at most R.
      seed: [2] integers; the same seed cuts the same places.

    Returns:
      [B, S, S, 3], of the dtype of `images`.
    """
    batch, places = tf.shape(images)[0], images.shape[1] - crop_px + 1
    corners = tf.random.stateless_uniform([2, batch], seed, minval=0, maxval=places, dtype=tf.int32)
    window = corners[:, :, tf.newaxis] + tf.range(crop_px)  # [2, B, S]: the rows, then the columns, of each crop
    rows = tf.gather(images, window[0], axis=1, batch_dims=1)  # [B, S, R, 3]
    return tf.gather(rows, window[1], axis=2, batch_dims=1)  # [B, S, S, 3]


def random_resized_crop(images: tf.Tensor, crop_px: int, min_area: float, seed: tf.Tensor) -> tf.Tensor:
    """Cut a rectangle of random size, shape and place and resize it to a square, bilinear.

    The rectangle covers a share of the image drawn from [min_area, 1], with sides in a ratio drawn from
    [1 / MAX_CROP_ASPECT_RATIO, MAX_CROP_ASPECT_RATIO], and is cut where it would stick out.

    Args:
      images: [B, R, R, 3] in 0..255.
      crop_px: S, pixels.
      min_area: in (0, 1].
      seed: [2] integers.

    Returns:
      [B, S, S, 3] float32 in 0..255.

    Reference:
      Szegedy et al., Going Deeper with Convolutions, section 6, arXiv:1409.4842.
    """
    batch = tf.shape(images)[0]
    draws = tf.random.stateless_uniform([4, batch], seed)
    area = min_area + draws[0] * (1 - min_area)
    ratio = tf.exp((2 * draws[1] - 1) * math.log(MAX_CROP_ASPECT_RATIO))
    height, width = tf.minimum(tf.sqrt(area * ratio), 1.0), tf.minimum(tf.sqrt(area / ratio), 1.0)
    top, left = draws[2] * (1 - height), draws[3] * (1 - width)
    boxes = tf.stack([top, left, top + height, left + width], axis=1)  # [B, 4]
    return tf.image.crop_and_resize(tf.cast(images, tf.float32), boxes, tf.range(batch), [crop_px, crop_px])


def random_flip(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror each image left to right with probability one half; [B, S, S, 3] in and out, seed [2] integers."""
    mirrored = tf.random.stateless_uniform([tf.shape(images)[0]], seed) < 0.5
    return tf.where(mirrored[:, tf.newaxis, tf.newaxis, tf.newaxis], images[:, :, ::-1], images)


def random_colours(images: tf.Tensor, strength: float, seed: tf.Tensor) -> tf.Tensor:
    """Shift saturation, contrast and brightness of each image.

    Saturation and contrast are multiplied by factors drawn from [1 - strength, 1 + strength], the second about the
    image's mean, and brightness moves by up to strength / 4 of the whole range; then values are clipped to it.

    Args:
      images: [B, S, S, 3] float32 in [-1, 1].
      strength: in [0, 1].
      seed: [2] integers.

    Returns:
      [B, S, S, 3] float32 in [-1, 1].
    """
    draws = tf.random.stateless_uniform([3, tf.shape(images)[0], 1, 1, 1], seed, -strength, strength)
    grey = tf.image.rgb_to_grayscale(images)
    images = grey + (images - grey) * (1 + draws[0])
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    images = mean + (images - mean) * (1 + draws[1]) + draws[2] / 2  # the range from -1 to 1 is 2 wide
    return tf.clip_by_value(images, -1.0, 1.0)


def random_greyscale(images: tf.Tensor, share: float, seed: tf.Tensor) -> tf.Tensor:
    """Take the colours from each image with probability `share`; [B, S, S, 3] in and out, seed [2] integers."""
    chosen = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed) < share
    grey = tf.repeat(tf.image.rgb_to_grayscale(images), RGB, axis=-1)
    return tf.where(chosen, grey, images)
