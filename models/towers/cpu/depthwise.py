"""The depth-wise convolution, padded as EfficientNet pads it, with a filter gradient that is fast on CPUs.

Legend: B per-replica batch, H and W pixels, C channels, K kernel size.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

# TensorFlow's CPU kernel for the filter gradient is 5 to 10 times slower per weight where the filter is wider than 3.
FAST_WIDTH = 3

_FIXED = {"padding": "same", "use_bias": False, "depth_multiplier": 1, "dilation_rate": 1, "activation": None}


@keras.saving.register_keras_serializable(package="align")
class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """Convolve each channel by a filter of its own, and divide the size by the stride, rounded down.

    With a stride, K//2 - 1 pixels are padded at top and left and K//2 at bottom and right whatever the size, as
    keras.applications does for images of unknown size. At even sizes that is what "same" does, at the cost of no copy.

    Takes Keras's arguments, but for a padding, a second filter a channel, dilation, bias and activation.

    Args:
      kernel_size: K, odd and at least 3.
      strides: 1 or 2.

    Call:
      [B, H, W, C] -> [B, H // strides, W // strides, C].

    Raises:
      ValueError: for another kernel or stride.
    """

    def __init__(self, kernel_size: int | tuple[int, int], strides: int | tuple[int, int] = 1, **kwargs: Any) -> None:
        super().__init__(kernel_size, strides=strides, **{**kwargs, **_FIXED})
        (height, width), (down, along) = self.kernel_size, self.strides
        if height != width or height < 3 or height % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}; it must be one odd number from 3, say 5")
        if down != along or down not in (1, 2):
            raise ValueError(f"strides is {strides}; it must be 1 or 2")

    def call(self, inputs: Any) -> Any:
        (stride, _), (size, _) = self.strides, self.kernel_size
        if stride == 1:
            return _convolve(inputs, self.kernel, 1, "same")
        if stride == 2 and all(pixels is not None and pixels % 2 == 0 for pixels in inputs.shape[1:3]):
            return _convolve(inputs, self.kernel, 2, "same")
        border = (size // 2 - 1, size // 2)
        return _convolve(ops.pad(inputs, [(0, 0), border, border, (0, 0)]), self.kernel, stride, "valid")

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        batch, *sizes, channels = input_shape
        return (batch, *(None if size is None else size // self.strides[0] for size in sizes), channels)


def _convolve(x: Any, kernel: Any, stride: int, padding: str) -> Any:
    kernel = ops.cast(kernel, x.dtype)
    if keras.backend.backend() != "tensorflow" or kernel.shape[1] <= FAST_WIDTH or x.shape[2] is None:
        return ops.depthwise_conv(x, kernel, stride, padding)
    return _convolve_by_parts(x, kernel, stride, padding)


def _convolve_by_parts(x: Any, kernel: Any, stride: int, padding: str) -> Any:
    """Convolve, and compute the filter's gradient in parts that are FAST_WIDTH wide and share a column."""
    import tensorflow as tf  # here, so that other backends do without

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
