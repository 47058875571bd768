"""What chance does to a training image: where it is cut, whether it is mirrored, how its colours shift.

Each function takes what chance drew, numbers in [0, 1), as an argument: the same draws make the same image. The paper
has random_crop and random_flip alone, which move bytes and change none; the others are for small data, which a model
sees many times, and compute in float32 until `augment` rounds.

Legend: R model.image_resize_px, S model.image_crop_px.
"""

from __future__ import annotations

import math

import tensorflow as tf

from models.images import preprocessing
from models.training_config import TrainingConfig

DRAWS = 9  # numbers that `augment` may use
MAX_CROP_ASPECT_RATIO = 1.25  # of a resized crop's sides: images are resized to squares, so shapes vary in the wild


def augment(image: tf.Tensor, crop_px: int, training: TrainingConfig, draws: tf.Tensor) -> tf.Tensor:
    """Make a training image of a resized one as configured; what scales it is `preprocessing.scale`, in the step.

    Args:
      image: [R, R, 3] uint8.
      crop_px: S, pixels, at most R.
      training: which augmentations, and how strong.
      draws: [DRAWS] in [0, 1); each augmentation has its own, whichever are configured.

    Returns:
      [S, S, 3] uint8.
    """
    if training.min_crop_area is None:
        crop = random_crop(image, crop_px, draws[:2])
    else:
        crop = random_resized_crop(image, crop_px, training.min_crop_area, draws[:4])
    return _augment_crop(crop, training, draws)


def augment_encoded(
    image_bytes: tf.Tensor, resize_px: int, crop_px: int, training: TrainingConfig, draws: tf.Tensor
) -> tf.Tensor:
    """Make a training image of an encoded one: what `augment` makes of it resized, where only its crop is resized.

    Args:
      image_bytes: scalar string, as `preprocessing.decode_and_resize` takes it.
      resize_px: R, pixels.
      crop_px, training, draws: as `augment` has them.

    Returns:
      [S, S, 3] uint8.

    Raises:
      tf.errors.InvalidArgumentError: where the bytes are no such image.
    """
    if training.min_crop_area is None:
        start = crop_start(resize_px, crop_px, draws[:2])
        crop = preprocessing.decode_and_resize_part(image_bytes, resize_px, start, crop_px)
        return _augment_crop(crop, training, draws)
    return augment(preprocessing.decode_and_resize(image_bytes, resize_px), crop_px, training, draws)


def _augment_crop(crop: tf.Tensor, training: TrainingConfig, draws: tf.Tensor) -> tf.Tensor:
    if training.horizontal_flip:
        crop = random_flip(crop, draws[4])
    if training.colour_jitter:
        crop = random_colours(tf.cast(crop, tf.float32), training.colour_jitter, draws[5:8])
    if training.greyscale_share:
        crop = random_greyscale(tf.cast(crop, tf.float32), training.greyscale_share, draws[8])
    return tf.cast(tf.round(crop), tf.uint8)


def random_crop(image: tf.Tensor, crop_px: int, draws: tf.Tensor) -> tf.Tensor:
    """Cut a square from a place drawn uniformly.

    Args:
      image: [R, R, 3].
      crop_px: S, pixels, at most R.
      draws: [2] in [0, 1): how far down and how far right.

    Returns:
      [S, S, 3], of the dtype of `image`.
    """
    top, left = tf.unstack(crop_start(image.shape[0], crop_px, draws))
    return tf.ensure_shape(image[top : top + crop_px, left : left + crop_px], [crop_px, crop_px, preprocessing.RGB])


def crop_start(resize_px: int, crop_px: int, draws: tf.Tensor) -> tf.Tensor:
    """Returns where `random_crop` cuts an image of R pixels: [2] int32, the first row and the first column."""
    return tf.cast(draws * (resize_px - crop_px + 1), tf.int32)


def random_resized_crop(image: tf.Tensor, crop_px: int, min_area: float, draws: tf.Tensor) -> tf.Tensor:
    """Cut a rectangle of random size, shape and place and resize it to a square, bilinear.

    The rectangle covers a share of the image drawn from [min_area, 1], with sides in a ratio drawn from
    [1 / MAX_CROP_ASPECT_RATIO, MAX_CROP_ASPECT_RATIO], and is cut where it would stick out.

    Args:
      image: [R, R, 3] in 0..255.
      crop_px: S, pixels.
      min_area: in (0, 1].
      draws: [4] in [0, 1): of area, ratio, how far down and how far right.

    Returns:
      [S, S, 3] float32 in 0..255.

    Reference:
      Szegedy et al., Going Deeper with Convolutions, section 6, arXiv:1409.4842.
    """
    area = min_area + draws[0] * (1 - min_area)
    ratio = tf.exp((2 * draws[1] - 1) * math.log(MAX_CROP_ASPECT_RATIO))
    height, width = tf.minimum(tf.sqrt(area * ratio), 1.0), tf.minimum(tf.sqrt(area / ratio), 1.0)
    top, left = draws[2] * (1 - height), draws[3] * (1 - width)
    box = tf.stack([top, left, top + height, left + width])
    return tf.image.crop_and_resize(tf.cast(image, tf.float32)[tf.newaxis], box[tf.newaxis], [0], [crop_px, crop_px])[0]


def random_flip(image: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
    """Mirror an image left to right with probability one half; [S, S, 3] in and out, `draw` scalar in [0, 1)."""
    return tf.ensure_shape(tf.cond(draw < 0.5, lambda: tf.reverse(image, [1]), lambda: image), image.shape)


def random_colours(image: tf.Tensor, strength: float, draws: tf.Tensor) -> tf.Tensor:
    """Shift saturation, contrast and brightness of an image.

    Saturation and contrast are multiplied by factors drawn from [1 - strength, 1 + strength], the second about the
    image's mean, and brightness moves by up to strength / 4 of the whole range; then values are clipped to it.

    Args:
      image: [S, S, 3] float32 in 0..255.
      strength: in [0, 1].
      draws: [3] in [0, 1): of saturation, contrast and brightness.

    Returns:
      [S, S, 3] float32 in 0..255.
    """
    saturation, contrast, brightness = tf.unstack(strength * (2 * draws - 1))
    grey = tf.image.rgb_to_grayscale(image)
    image = grey + (image - grey) * (1 + saturation)
    mean = tf.reduce_mean(image)
    image = mean + (image - mean) * (1 + contrast) + brightness * (255 / 4)
    return tf.clip_by_value(image, 0.0, 255.0)


def random_greyscale(image: tf.Tensor, share: float, draw: tf.Tensor) -> tf.Tensor:
    """Take the colours from an image with probability `share`; [S, S, 3] float32, `draw` scalar in [0, 1)."""
    grey = tf.repeat(tf.image.rgb_to_grayscale(image), preprocessing.RGB, axis=-1)
    return tf.where(draw < share, grey, image)
