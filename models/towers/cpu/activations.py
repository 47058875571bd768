"""Activations whose gradient is one pass over memory.

TensorFlow differentiates each as five to ten operations, every one a pass over tensors that fit no cache: a tenth of
the whole training step on CPUs. XLA makes one loop of them.

Imports TensorFlow. Legend: B per-replica batch, H and W pixels, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from models.towers.cpu.compiled import compiled

Gradient = Callable[..., tf.Tensor]


@tf.custom_gradient
def silu(x: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """Returns x sigmoid(x), of x's shape.

    Reference:
      Elfwing et al., arXiv:1702.03118; in EfficientNet it is called swish.
    """
    return x * tf.sigmoid(x), lambda by_output: _silu_gradient(x, by_output)


@tf.custom_gradient
def silu_and_mean(x: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Gradient]:
    """Activate [B, H, W, C] by SiLU; returns that and its mean over each image, [B, 1, 1, C]."""
    activated = x * tf.sigmoid(x)
    outputs = activated, tf.reduce_mean(activated, [1, 2], keepdims=True)
    return outputs, lambda by_activated, by_mean: _silu_and_mean_gradient(x, by_activated, by_mean)


@tf.custom_gradient
def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """Returns x Phi(x), of x's shape, with the exact normal distribution, as BERT has it.

    Reference:
      Hendrycks and Gimpel, arXiv:1606.08415.
    """
    return tf.nn.gelu(x, approximate=False), lambda by_output: _gelu_gradient(x, by_output)


@compiled
def _silu_gradient(x: tf.Tensor, by_output: tf.Tensor) -> tf.Tensor:
    share = tf.sigmoid(x)
    return by_output * share * (1 + x * (1 - share))


@compiled
def _silu_and_mean_gradient(x: tf.Tensor, by_activated: tf.Tensor, by_mean: tf.Tensor) -> tf.Tensor:
    places = tf.cast(tf.reduce_prod(tf.shape(x)[1:3]), x.dtype)
    return _silu_gradient(x, by_activated + by_mean / places)


@compiled
def _gelu_gradient(x: tf.Tensor, by_output: tf.Tensor) -> tf.Tensor:
    below = 0.5 * (1 + tf.math.erf(x * math.sqrt(0.5)))
    density = tf.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    return by_output * (below + x * density)
