"""Bilinear resizing bit for bit as Pillow does it, in the graph: what the public ALIGN weights were fed.

tf.image.resize rounds once and computes weights in float32: a fifth of the bytes then differ by one from Pillow's, by
which embeddings move by up to a hundredth. Pillow resizes the width first, rounds to bytes, then the height, with
weights in fixed point; so do we, each pass a product by a sparse matrix of whole numbers.

Legend: H and W pixels of the image, R pixels of the result, T pixels that one pixel of the result is made of.
"""

from __future__ import annotations

import tensorflow as tf

PRECISION_BITS = 22  # Pillow's, for bytes: 32 - 8 - 2


def resize(image: tf.Tensor, side_px: int) -> tf.Tensor:
    """Resize one image to a square, bilinear, averaging over the area that a pixel covers.

    Args:
      image: [H, W, 3] uint8.
      side_px: R.

    Returns:
      [R, R, 3] uint8, the bytes of Pillow's `Image.resize((R, R), Image.Resampling.BILINEAR)`.
    """
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    columns = tf.reshape(tf.transpose(image, [1, 0, 2]), [width, -1])  # [W, 3 H]
    columns = tf.reshape(_resize_first_axis(columns, side_px), [side_px, height, 3])
    rows = tf.reshape(tf.transpose(columns, [1, 0, 2]), [height, side_px * 3])  # [H, 3 R]
    return tf.reshape(_resize_first_axis(rows, side_px), [side_px, side_px, 3])


def _resize_first_axis(lines: tf.Tensor, size: int) -> tf.Tensor:
    """Returns [R, N] uint8 of lines [H, N] uint8."""
    total = tf.sparse.sparse_dense_matmul(_weights(tf.shape(lines)[0], size), tf.cast(lines, tf.int32))
    return tf.cast(tf.bitwise.right_shift(total + (1 << (PRECISION_BITS - 1)), PRECISION_BITS), tf.uint8)


def _weights(size: tf.Tensor, result_size: int) -> tf.SparseTensor:
    """Returns the [R, H] int32 share that each pixel has in each of the result, in units of 2^-PRECISION_BITS.

    A pixel of the result is a triangle as wide as two pixels of the coarser side, cut off at the image's ends.
    """
    scale = tf.cast(size, tf.float64) / result_size
    reach = tf.maximum(scale, 1.0)  # half of the triangle's base
    centre = (tf.range(result_size, dtype=tf.float64) + 0.5)[:, tf.newaxis] * scale  # [R, 1]
    first = tf.maximum(tf.floor(centre - reach + 0.5), 0.0)
    end = tf.minimum(tf.floor(centre + reach + 0.5), tf.cast(size, tf.float64))
    taps = 2 * tf.cast(tf.math.ceil(reach), tf.int32) + 1
    pixels = first + tf.cast(tf.range(taps), tf.float64)  # [R, T]
    heights = tf.where(pixels < end, tf.nn.relu(1.0 - tf.abs(pixels - centre + 0.5) / reach), 0.0)
    shares = heights / tf.reduce_sum(heights, axis=1, keepdims=True)
    units = tf.cast(tf.floor(shares * (1 << PRECISION_BITS) + 0.5), tf.int32)
    rows = tf.repeat(tf.range(result_size, dtype=tf.int64), taps)
    columns = tf.cast(tf.minimum(pixels, tf.cast(size - 1, tf.float64)), tf.int64)  # past the end the share is 0
    indices = tf.stack([rows, tf.reshape(columns, [-1])], axis=1)
    return tf.SparseTensor(indices, tf.reshape(units, [-1]), [result_size, tf.cast(size, tf.int64)])
