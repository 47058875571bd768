"""Bilinear resizing bit for bit as Pillow does it, in the graph: what the public ALIGN weights were fed.

tf.image.resize rounds once and computes weights in float32: a fifth of the bytes then differ by one from Pillow's, by
which embeddings move by up to a hundredth. Pillow resizes the width first, rounds to bytes, then the height, with
weights in fixed point; so do we, each pass a product by a sparse matrix of whole numbers. Where a crop of the result is
all that is wanted, the rest is not computed. We differ in images over a hundred times as tall as wide, whose height
Pillow resizes first.

Legend: H and W pixels of the image, R pixels of the result, S pixels of the part of it that is wanted, T pixels that
one pixel of the result is made of.
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
    return resize_part(image, side_px, tf.zeros([2], tf.int32), side_px)


def resize_part(image: tf.Tensor, side_px: int, start: tf.Tensor, part_px: int) -> tf.Tensor:
    """Resize one image to a square and return a square of that, for less than the whole costs.

    Args:
      image: [H, W, 3] uint8.
      side_px: R.
      start: [2] int32, the first row and the first column that are wanted.
      part_px: S.

    Returns:
      [S, S, 3] uint8: of what `resize` returns, S rows and columns from there on.
    """
    pixels, units = _weights(tf.shape(image)[:2], side_px, start, part_px)
    begin, end = pixels[:, 0, 0], pixels[:, -1, -1] + 1
    window = image[begin[0] : end[0], begin[1] : end[1]]
    places = tf.broadcast_to(tf.range(part_px, dtype=tf.int64)[:, tf.newaxis], tf.shape(pixels))
    indices = tf.reshape(tf.stack([places, pixels - pixels[:, :1, :1]], axis=-1), [2, -1, 2])
    rows, columns = (
        tf.SparseTensor(indices[axis], tf.reshape(units[axis], [-1]), [part_px, end[axis] - begin[axis]])
        for axis in (0, 1)
    )
    height, width, channels = tf.unstack(tf.shape(window))
    # Channels stay beside the columns, so that transposing is one of matrices, which is twice as fast.
    lines = tf.transpose(tf.reshape(window, [height, width * channels]))
    lines = _mix(columns, tf.reshape(lines, [width, channels * height]))  # [S, 3 height]
    lines = tf.transpose(tf.reshape(lines, [part_px * channels, height]))
    return tf.reshape(_mix(rows, lines), [part_px, part_px, 3])


def _weights(sizes: tf.Tensor, side_px: int, start: tf.Tensor, part_px: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Find what pixels of the result are made of, down and across.

    A pixel of the result is a triangle as wide as two pixels of the coarser side, cut off at the image's ends.

    Args:
      sizes: [2], H and W.
      side_px: R.
      start: [2], the first row and the first column that are wanted.
      part_px: S.

    Returns:
      ([2, S, T] int64 places in the image, [2, S, T] int32 the share of each in units of 2^-PRECISION_BITS).
    """
    sizes = tf.cast(sizes, tf.float64)[:, tf.newaxis, tf.newaxis]
    scale = sizes / side_px
    reach = tf.maximum(scale, 1.0)  # half of the triangle's base
    places = tf.cast(start, tf.float64)[:, tf.newaxis, tf.newaxis] + tf.range(part_px, dtype=tf.float64)[:, tf.newaxis]
    centre = (places + 0.5) * scale  # [2, S, 1]
    first = tf.maximum(tf.floor(centre - reach + 0.5), 0.0)
    last = sizes - 1.0
    pixels = first + tf.range(tf.floor(2.0 * tf.reduce_max(reach)) + 1.0)  # [2, S, T]
    heights = tf.where(pixels <= last, tf.nn.relu(1.0 - tf.abs(pixels - centre + 0.5) / reach), 0.0)
    shares = heights / tf.reduce_sum(heights, axis=-1, keepdims=True)
    units = tf.cast(tf.floor(shares * (1 << PRECISION_BITS) + 0.5), tf.int32)
    return tf.cast(tf.minimum(pixels, last), tf.int64), units


def _mix(weights: tf.SparseTensor, lines: tf.Tensor) -> tf.Tensor:
    """Returns [S, M] uint8 of weights [S, N] and lines [N, M] uint8."""
    total = tf.sparse.sparse_dense_matmul(weights, tf.cast(lines, tf.int32))
    return tf.cast(tf.bitwise.right_shift(total + (1 << (PRECISION_BITS - 1)), PRECISION_BITS), tf.uint8)
