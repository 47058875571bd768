"""The depth-wise convolution, padded as EfficientNet pads it, with a filter gradient that is fast on CPUs.

Imports TensorFlow. Legend: B per-replica batch, H and W pixels, C channels, K kernel size.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import ops

# TensorFlow's CPU kernel for the filter gradient is 5 to 10 times slower per weight where the filter is wider than 3.
FAST_WIDTH = 3


def convolve_depthwise(x: Any, kernel: Any, stride: int) -> Any:
    """Convolve each channel by a filter of its own, and divide the size by the stride, rounded down.

    With a stride, K//2 - 1 pixels are padded at top and left and K//2 at bottom and right whatever the size. At even
    sizes that is what "same" does, at the cost of no copy.

    Args:
      x: [B, H, W, C].
      kernel: [K, K, C, 1], K odd and at least 3.
      stride: 1 or 2.

    Returns:
      [B, H // stride, W // stride, C].
    """
    if stride == 1 or (stride == 2 and all(pixels is not None and pixels % 2 == 0 for pixels in x.shape[1:3])):
        return _convolve(x, kernel, stride, "same")
    border = (kernel.shape[0] // 2 - 1, kernel.shape[0] // 2)
    return _convolve(ops.pad(x, [(0, 0), border, border, (0, 0)]), kernel, stride, "valid")


def _convolve(x: Any, kernel: Any, stride: int, padding: str) -> Any:
    kernel = ops.cast(kernel, x.dtype)
    if kernel.shape[1] <= FAST_WIDTH or x.shape[2] is None:
        return ops.depthwise_conv(x, kernel, stride, padding)
    return _convolve_by_parts(x, kernel, stride, padding)


def _convolve_by_parts(x: Any, kernel: Any, stride: int, padding: str) -> Any:
    """Convolve, and compute the filter's gradient in parts that are FAST_WIDTH wide and share a column."""
    how = {"strides": [1, stride, stride, 1], "padding": padding.upper()}
    height, width, channels, _ = kernel.shape

    @tf.custom_gradient
    def convolved(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        outputs = tf.nn.depthwise_conv2d(x, kernel, **how)

        def gradient(by_outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            by_x = tf.raw_ops.DepthwiseConv2dNativeBackpropInput(
                input_sizes=tf.shape(x), filter=kernel, out_backprop=by_outputs, **how
            )
            rows = _border(height, stride) if padding == "same" else (0, 0)
            left, _ = _border(width, stride) if padding == "same" else (0, 0)
            parts: list[tf.Tensor] = []
            for first in range(0, width - FAST_WIDTH + 1, FAST_WIDTH - 1):
                start = first - left  # of the columns of x that this part of the filter meets
                stop = start + (by_outputs.shape[2] - 1) * stride + FAST_WIDTH
                columns = x[:, :, max(start, 0) : stop] if start > 0 or stop < x.shape[2] else x
                beyond = (max(-start, 0), max(stop - x.shape[2], 0))
                part = tf.raw_ops.DepthwiseConv2dNativeBackpropFilter(
                    input=tf.pad(columns, [(0, 0), rows, beyond, (0, 0)]) if padding == "same" else columns,
                    filter_sizes=[height, FAST_WIDTH, channels, 1],
                    out_backprop=by_outputs,
                    strides=how["strides"],
                    padding="VALID",
                )
                parts.append(part[:, 1:] if parts else part)
            return by_x, tf.concat(parts, axis=1)

        return outputs, gradient

    return convolved(x, kernel)


def _border(size: int, stride: int) -> tuple[int, int]:
    """Returns the pixels that "same" adds before and after, at a size that `stride` divides."""
    total = size - stride
    return total // 2, total - total // 2
