"""Batch normalisation that trains as one fused operation.

Keras trains it as separate means, differences and products, each a pass over memory, which bounds the image tower on
CPUs. TensorFlow has a fused kernel for it; other backends compile the step, and keep Keras's form. The kernel
normalises each replica's own batch, as the paper did; statistics that span replicas need sums between the passes and
are left to Keras.

Where `group` is set, a batch is normalised in groups of so many images, as if each were a replica's batch.

Legend: B per-replica batch, H and W pixels, C channels, M images in a group, N groups, M N = B.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="align")
class BatchNormalization(keras.layers.BatchNormalization):
    """Normalise channels, equal to Keras's layer of the same name in outputs, gradients and moving statistics.

    Takes that layer's arguments; the axis must be the last one and scale and centre present.

    Args:
      group: M; None normalises the whole batch at once. Moving statistics average those of the groups.

    Call:
      images [B, H, W, C] -> [B, H, W, C].

    Examples:
      >>> images = 3 + keras.random.normal([4, 2, 2, 3], seed=0)
      >>> normalised = BatchNormalization()(images, training=True)
      >>> bool(abs(ops.mean(normalised)) < 1e-5)
      True

    Reference:
      Ioffe and Szegedy, Batch Normalization, arXiv:1502.03167; groups: Hoffer et al., Train longer, generalize better,
      section 4, arXiv:1705.08741.
    """

    def __init__(self, *, group: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.group = group

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training or not self.trainable:
            return super().call(inputs, training=training, mask=mask)
        if self.group is not None:
            return self._in_groups(inputs)
        if self.synchronized or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf  # here, so that other backends do without

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            ops.cast(self.gamma, "float32"),
            ops.cast(self.beta, "float32"),
            epsilon=self.epsilon,
            is_training=True,
        )
        # The kernel returns the unbiased variance, n / (n - 1) of the one it normalised by; Keras averages the latter.
        shape = ops.shape(inputs)
        n = ops.cast(shape[0] * shape[1] * shape[2], variance.dtype)
        self.average(mean, variance * (n - 1) / n)
        return outputs

    def _in_groups(self, inputs: Any) -> Any:
        grouped = ops.cast(ops.reshape(inputs, [-1, self.group, *ops.shape(inputs)[1:]]), "float32")  # [N, M, H, W, C]
        mean, variance = ops.moments(grouped, axes=[1, 2, 3], keepdims=True)  # [N, 1, 1, 1, C]
        normalised = (grouped - mean) * ops.rsqrt(variance + self.epsilon)
        outputs = normalised * ops.cast(self.gamma, "float32") + ops.cast(self.beta, "float32")
        self.average(ops.mean(mean, axis=[0, 1, 2, 3]), ops.mean(variance, axis=[0, 1, 2, 3]))
        return ops.cast(ops.reshape(outputs, ops.shape(inputs)), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "group": self.group}

    def average(self, mean: Any, variance: Any) -> None:
        """Move the statistics of inference towards a batch's, [C] each."""
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + value * (1 - self.momentum))
