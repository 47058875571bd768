"""Batch norm and the SiLU after it, in one.

Legend: B per-replica batch, H and W pixels, C channels.
"""

from __future__ import annotations

from typing import Any

import keras

from models.towers.batch_norm import BatchNormalization
from models.towers.cpu.activations import SiluAndMean


@keras.saving.register_keras_serializable(package="align")
class NormalizedSilu(keras.layers.Layer):
    """Normalise, activate by SiLU, and average over each image, equal to one after the other.

    Args:
      norm: the batch norm.

    Call:
      [B, H, W, C] -> activations [B, H, W, C] and their means [B, 1, 1, C].
    """

    def __init__(self, norm: BatchNormalization, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.norm, self.activation = norm, SiluAndMean(dtype=self.dtype_policy)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        if not self.norm.built:
            self.norm.build(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> tuple[Any, Any]:
        norm = self.norm
        alone = training and norm.trainable and not norm.synchronized and norm.group is None
        if alone and keras.backend.backend() == "tensorflow":
            from models.towers.cpu import channel_statistics  # here, so that other backends do without

            if channel_statistics.fits(inputs):
                *outputs, mean, variance = channel_statistics.normalise_and_activate(
                    inputs, norm.gamma, norm.beta, norm.epsilon
                )
                norm.average(mean, variance)
                return tuple(outputs)
        return self.activation(norm(inputs, training=training))

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, Any]:
        return self.activation.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "norm": keras.saving.serialize_keras_object(self.norm)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> NormalizedSilu:
        return cls(**{**config, "norm": keras.saving.deserialize_keras_object(config["norm"])})
