"""A batch norm in one with what comes before or after it.

Statistics that span replicas or groups of the batch, and inference, take the norm as it is.

Legend: B per-replica batch, H and W pixels, C channels, I channels in, O channels out.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from models.towers.cpu import channel_statistics
from models.towers.cpu.activations import silu_and_mean
from models.towers.cpu.expansion import expand

FUSED_CHANNELS = 16  # TensorFlow's fused kernel is slow on CPUs where channels are no multiple of it

Norm = Any  # a models.towers.batch_norm.BatchNormalization


def normalise(norm: Norm, x: Any, training: bool | None) -> Any:
    """Normalise [B, H, W, C]."""
    if not (_is_of_this_batch(norm, training) and x.dtype == tf.float32 and x.shape[-1] % FUSED_CHANNELS):
        return norm(x, training=training)
    outputs, mean, variance = channel_statistics.normalise(x, norm.gamma, norm.beta, norm.epsilon)
    norm.average(mean, variance)
    return outputs


def normalise_and_activate(norm: Norm, x: Any, training: bool | None) -> tuple[Any, Any]:
    """Normalise [B, H, W, C], activate by SiLU and average over each image; returns [B, H, W, C] and [B, 1, 1, C]."""
    if not (_is_of_this_batch(norm, training) and x.dtype == tf.float32):
        return silu_and_mean(norm(x, training=training))
    activated, means, mean, variance = channel_statistics.normalise_and_activate(x, norm.gamma, norm.beta, norm.epsilon)
    norm.average(mean, variance)
    return activated, means


def convolve_and_normalise(convolution: keras.layers.Conv2D, norm: Norm, x: Any, training: bool | None) -> Any:
    """Convolve [B, H, W, I] by a kernel of one pixel, without bias, and normalise: [B, H, W, O]."""
    if not _is_of_this_batch(norm, training):
        return norm(convolution(x), training=training)
    kernel = convolution.kernel  # [1, 1, I, O]
    rows = ops.reshape(x, [-1, kernel.shape[-2]])
    parameters = (ops.cast(part, "float32") for part in (kernel[0, 0], norm.gamma, norm.beta))
    outputs, mean, variance = expand(rows, *parameters, epsilon=norm.epsilon)
    norm.average(mean, variance)
    return ops.reshape(outputs, [*ops.shape(x)[:-1], kernel.shape[-1]])


def _is_of_this_batch(norm: Norm, training: bool | None) -> bool:
    """Says whether the statistics are those of this replica's whole batch."""
    return bool(training and norm.trainable and not norm.synchronized and norm.group is None)
