"""The convolution of images of one pixel, which is a product of matrices."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="align")
class PixelConv2D(keras.layers.Conv2D):
    """Convolve [B, 1, 1, I] to [B, 1, 1, O] as a product, which costs half of what a convolution's set-up does.

    Takes Keras's arguments; the kernel is 1x1, and there is a bias.
    """

    def call(self, inputs: Any) -> Any:
        kernel, bias = (ops.cast(weight, inputs.dtype) for weight in (self.kernel, self.bias))
        outputs = self.activation(ops.matmul(ops.reshape(inputs, [-1, kernel.shape[-2]]), kernel[0, 0]) + bias)
        return ops.reshape(outputs, [-1, 1, 1, self.filters])
