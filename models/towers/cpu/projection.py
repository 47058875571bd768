"""The 1x1 convolution that narrows a block's output, with the weighing of its input channels inside.

Legend: B per-replica batch, H and W pixels, I channels in, O channels out.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="align")
class GatedProjection(keras.layers.Layer):
    """Weigh each image's channels by its gate, and convolve by [1, 1, I, O] without bias.

    Where an image has more places than there are channels out, its kernel is weighed in place of its channels,
    (x gate) K = x (gate K): that is the smaller of the two, and no copy of x is made, in the gradient neither.

    Args:
      width: O.
      kernel_initializer: of the kernel.

    Call:
      x [B, H, W, I], gate [B, 1, 1, I] -> [B, H, W, O].
    """

    def __init__(self, width: int, kernel_initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.kernel_initializer = width, keras.initializers.get(kernel_initializer)

    def build(self, x_shape: tuple[Any, ...], gate_shape: tuple[Any, ...]) -> None:
        self.kernel = self.add_weight(
            name="kernel", shape=(1, 1, x_shape[-1], self.width), initializer=self.kernel_initializer
        )
        self.built = True

    def call(self, x: Any, gate: Any) -> Any:
        _, height, width, channels = x.shape
        kernel = ops.cast(self.kernel, x.dtype)
        if height is None or width is None or height * width <= self.width:
            return ops.conv(x * gate, kernel, padding="valid")
        kernels = ops.reshape(gate, [-1, channels, 1]) * kernel[0, 0]  # [B, I, O]
        outputs = ops.matmul(ops.reshape(x, [-1, height * width, channels]), kernels)  # [B, H W, O]
        return ops.reshape(outputs, [-1, height, width, self.width])

    def compute_output_shape(self, x_shape: tuple[Any, ...], gate_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*x_shape[:-1], self.width)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), "width": self.width, "kernel_initializer": initializer}
