"""The end of a residual block: what it computed, in some images left out, added to its input."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="align")
class StochasticDepth(keras.layers.Layer):
    """Add a block's output to its input; in training, drop it in each image with probability `rate`.

    What is kept is divided by the probability of being kept.

    Args:
      rate: in [0, 1).

    Call:
      outputs, inputs [B, H, W, C] -> [B, H, W, C].

    Examples:
      >>> ones = ops.ones([1, 1, 1, 1])
      >>> float(StochasticDepth(0.5)(ones, ones)[0, 0, 0, 0])  # nothing is dropped in inference
      2.0

    Reference:
      Huang et al., Deep Networks with Stochastic Depth, arXiv:1603.09382.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, outputs: Any, inputs: Any, training: bool | None = None) -> Any:
        if not training or self.rate == 0:
            return outputs + inputs
        drawn = keras.random.uniform([ops.shape(inputs)[0], 1, 1, 1], dtype="float32", seed=self.seed_generator)
        kept = ops.cast(drawn >= self.rate, inputs.dtype)
        return outputs * (kept / (1 - self.rate)) + inputs

    def compute_output_shape(self, input_shape: tuple[Any, ...], *_: Any) -> tuple[Any, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}
