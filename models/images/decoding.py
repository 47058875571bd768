"""Pixels as a person sees them, of a JPEG or PNG in normal form (serving/normal_form.py): upright, on white.

Legend: H and W pixels of the picture.
"""

from __future__ import annotations

import tensorflow as tf

from serving.normal_form import TURN_JPEG, TURN_JPEG_AT, TURN_PNG, TURN_PNG_AT

RGB = 3
_MARKS = (*TURN_JPEG, *(mark[: len(TURN_JPEG[0])] for mark in TURN_PNG))  # all of one length, to compare at once
# Of EXIF's orientations 2 to 8: in which order to take the axes, and which of them then to reverse.
_AXES = ((0, 1, 2),) * 3 + ((1, 0, 2),) * 4
_REVERSED = tuple(
    (bool(rows), bool(columns), False) for rows, columns in ((0, 1), (1, 1), (1, 0), (0, 0), (0, 1), (1, 1), (1, 0))
)


def decode(image_bytes: tf.Tensor) -> tf.Tensor:
    """Decode one picture, for hardly more than its decoder costs.

    Transparency is laid on white, rounded as Pillow's `alpha_composite` does; of 16 bits the upper 8 are taken.

    Args:
      image_bytes: scalar string, a JPEG or PNG in normal form.

    Returns:
      [H, W, 3] uint8.

    Raises:
      tf.errors.InvalidArgumentError: where the bytes are no such picture.
    """
    is_jpeg = tf.io.is_jpeg(image_bytes)
    at = tf.where(is_jpeg, TURN_JPEG_AT, tf.minimum(TURN_PNG_AT, tf.strings.length(image_bytes)))
    found = tf.equal(tf.strings.substr(image_bytes, at, len(_MARKS[0])), _MARKS)
    image = tf.cond(
        is_jpeg,  # by the accurate transform, where TensorFlow's default is up to 5 of 255 off
        lambda: tf.io.decode_jpeg(image_bytes, channels=RGB, dct_method="INTEGER_ACCURATE"),
        lambda: _decode_png(image_bytes),
    )
    image = tf.cond(tf.reduce_any(found), lambda: _upright(image, found), lambda: image)
    image.set_shape([None, None, RGB])
    return image


def on_white(image: tf.Tensor) -> tf.Tensor:
    """Lay a picture on white; [H, W, C + 1] uint8, the last channel opacity -> [H, W, C]."""
    dark = 255 - tf.cast(image[..., :-1], tf.uint16)
    shade = dark * tf.cast(image[..., -1:], tf.uint16) + 128
    shade = tf.bitwise.right_shift(shade + tf.bitwise.right_shift(shade, 8), 8)  # dark * opacity / 255, rounded
    return tf.cast(255 - shade, tf.uint8)


def _decode_png(image_bytes: tf.Tensor) -> tf.Tensor:
    image = tf.io.decode_png(image_bytes)  # as many channels as it has; one of opacity also where its palette has it
    return tf.switch_case(
        tf.shape(image)[-1] - 1,
        (
            lambda: tf.repeat(image, RGB, axis=-1),
            lambda: tf.repeat(on_white(image), RGB, axis=-1),
            lambda: image,
            lambda: on_white(image),
        ),
    )


def _upright(image: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
    turn = tf.argmax(found) % len(_AXES)
    return tf.raw_ops.Reverse(tensor=tf.transpose(image, tf.gather(_AXES, turn)), dims=tf.gather(_REVERSED, turn))
