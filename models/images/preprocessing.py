"""Pixels from encoded bytes: the one definition that training, evaluation and serving share.

Legend: B images in a batch, R model.image_resize_px, S model.image_crop_px.
"""

from __future__ import annotations

import tensorflow as tf

from models.images.decoding import RGB, decode
from models.images.resize import resize, resize_part


def decode_and_resize(image_bytes: tf.Tensor, resize_px: int) -> tf.Tensor:
    """Decode one image and resize it to a square, bilinear, not aspect-preserving (ALIGN section 5).

    The result is bytes, and those of Pillow bit for bit, JPEG included: the public weights were fed such images, and a
    cache of the result holds a byte a channel without differing from what is served.

    Args:
      image_bytes: scalar string, a JPEG or PNG in normal form, as ingest writes it and `images.normal_form` makes it.
      resize_px: R, pixels.

    Returns:
      [R, R, 3] uint8.

    Raises:
      tf.errors.InvalidArgumentError: where the bytes are no such image.
    """
    return resize(decode(image_bytes), resize_px)


def decode_and_resize_part(image_bytes: tf.Tensor, resize_px: int, start: tf.Tensor, crop_px: int) -> tf.Tensor:
    """Decode one image and compute only a crop of what `decode_and_resize` returns.

    Args:
      image_bytes: scalar string, as `decode_and_resize` takes it.
      resize_px: R, pixels.
      start: [2] int32, the crop's first row and column.
      crop_px: S, pixels.

    Returns:
      [S, S, 3] uint8.

    Raises:
      tf.errors.InvalidArgumentError: where the bytes are no such image.
    """
    return resize_part(decode(image_bytes), resize_px, start, crop_px)


def central_crop(images: tf.Tensor, crop_px: int) -> tf.Tensor:
    """Cut the central square, [B, R, R, 3] -> [B, S, S, 3]; where R - S is odd it lies half a pixel up and left."""
    margin = (images.shape[1] - crop_px) // 2
    return images[:, margin : margin + crop_px, margin : margin + crop_px]


def scale(images: tf.Tensor) -> tf.Tensor:
    """Map bytes to [-1, 1] by x / 127.5 - 1, as float32 of the same shape.

    Raises:
      TypeError: where the images are not uint8, which were perhaps scaled before.
    """
    if images.dtype != tf.uint8:
        raise TypeError(f"images are {images.dtype.name}; they are scaled from uint8 alone, once: hand over bytes")
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def preprocess(image_bytes: tf.Tensor, resize_px: int, crop_px: int) -> tf.Tensor:
    """Make model inputs of encoded images, as evaluation and serving do: resize, central crop, scale.

    Args:
      image_bytes: [B] string, images of any sizes as `decode_and_resize` takes them.
      resize_px: R, pixels.
      crop_px: S, pixels, at most R.

    Returns:
      [B, S, S, 3] float32 in [-1, 1].

    Raises:
      tf.errors.InvalidArgumentError: where one of the images does not decode.
    """
    resized = tf.map_fn(
        lambda encoded: decode_and_resize(encoded, resize_px),
        image_bytes,
        fn_output_signature=tf.TensorSpec([resize_px, resize_px, RGB], tf.uint8),
    )
    return scale(central_crop(resized, crop_px))
