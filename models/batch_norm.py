"""Batch normalisation that trains as one fused operation.

Keras trains it as separate means, differences and products, each a pass over memory, which bounds the image tower on
CPUs. TensorFlow has a fused kernel for it; other backends compile the step, and keep Keras's form. The kernel
normalises each replica's own batch, as the paper did; statistics that span replicas need sums between the passes and
are left to Keras.

Legend: B per-replica batch, H and W pixels, C channels.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="align")
class BatchNormalization(keras.layers.BatchNormalization):
    """Normalise channels, equal to Keras's layer of the same name in outputs, gradients and moving statistics.

    Takes that layer's arguments; the axis must be the last one and scale and centre present.

    Call:
      images [B, H, W, C] -> [B, H, W, C].

    Reference:
      Ioffe and Szegedy, Batch Normalization, arXiv:1502.03167.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training or not self.trainable or self.synchronized or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf  # here, so that other backends do without

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        # The kernel returns the unbiased variance, n / (n - 1) of the one it normalised by; Keras averages the latter.
        shape = ops.shape(inputs)
        n = ops.cast(shape[0] * shape[1] * shape[2], variance.dtype)
        self._average(self.moving_mean, mean)
        self._average(self.moving_variance, variance * (n - 1) / n)
        return outputs

    def _average(self, moving: keras.Variable, value: Any) -> None:
        moving.assign(moving * self.momentum + value * (1 - self.momentum))
