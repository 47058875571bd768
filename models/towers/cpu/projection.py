"""Squeeze-and-excitation's products: of images of one pixel, and of a gate with the projection that follows it.

Legend: B per-replica batch, H and W pixels, I channels in, O channels out.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def convolve_pixels(convolution: keras.layers.Conv2D, x: Any) -> Any:
    """Convolve [B, 1, 1, I] to [B, 1, 1, O] as a product, which costs half of what a convolution's set-up does.

    Args:
      convolution: 1x1, with a bias and an activation.
      x: [B, 1, 1, I].
    """
    kernel, bias = (ops.cast(weight, x.dtype) for weight in (convolution.kernel, convolution.bias))
    outputs = convolution.activation(ops.matmul(ops.reshape(x, [-1, kernel.shape[-2]]), kernel[0, 0]) + bias)
    return ops.reshape(outputs, [-1, 1, 1, kernel.shape[-1]])


def weigh_and_project(x: Any, gate: Any, kernel: Any) -> Any:
    """Weigh each image's channels by its gate, and convolve by a kernel of one pixel.

    Where an image has more places than there are channels out, its kernel is weighed in place of its channels,
    (x gate) K = x (gate K): that is the smaller of the two, and no copy of x is made, in the gradient neither.

    Args:
      x: [B, H, W, I].
      gate: [B, 1, 1, I].
      kernel: [1, 1, I, O].

    Returns:
      [B, H, W, O].
    """
    _, height, width, channels = x.shape
    kernel = ops.cast(kernel, x.dtype)
    outputs = kernel.shape[-1]
    if height is None or width is None or height * width <= outputs:
        return ops.conv(x * gate, kernel, padding="valid")
    kernels = ops.reshape(gate, [-1, channels, 1]) * kernel[0, 0]  # [B, I, O]
    projected = ops.matmul(ops.reshape(x, [-1, height * width, channels]), kernels)  # [B, H W, O]
    return ops.reshape(projected, [-1, height, width, outputs])
