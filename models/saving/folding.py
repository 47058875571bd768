"""The image tower as it is served: batch norm folded into the convolutions, weights frozen, TensorFlow's operations.

In bfloat16 it keeps what flows from convolution to convolution, and their weights, in two bytes. That is faster where a
CPU multiplies bfloat16 by itself, and slower anywhere else.

With its running statistics batch norm is a scale and a shift of each channel, so it needs no pass over memory of its
own. What remains, a convolution, a bias and SiLU, TensorFlow runs as one kernel on CPUs.

Legend: B batch, H and W pixels, K kernel size, I and O channels in and out, F output width.
"""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from models.sizes import STAGES
from models.towers.efficientnet_blocks import BATCH_NORM_EPSILON
from serving.precision import Precision

# Kernels that are constants of the graph are laid out for the CPU once instead of at each call: 1.2 to 1.3 times the
# speed at B0 and B3. But a graph is copied some twenty times while it is loaded and optimised: B7's 0.25 GB took a
# server from 1.5 to 7.2 GB, for 1.15 times the speed of single images and none of batches. The limit is above B3.
FROZEN_BYTES = 48 << 20
STEM = "stem"
NORM_WEIGHTS = ("gamma", "beta", "moving_mean", "moving_variance")


class Weights(NamedTuple):
    """Of a convolution or a linear layer with a bias.

    Attributes:
      kernel: [K, K, I, O]; depth-wise [K, K, I, 1]; linear [I, O].
      bias: of each output channel.
    """

    kernel: np.ndarray | tf.Variable
    bias: np.ndarray | tf.Variable


def fold(kernel: np.ndarray, norm: dict[str, np.ndarray]) -> Weights:
    """Fold the batch norm that follows a convolution without bias into it.

    With a channel's mean m, variance v, scale g and shift b, and s = g / sqrt(v + e):

        g (k * x - m) / sqrt(v + e) + b = (s k) * x + (b - s m)

    Args:
      kernel: [K, K, I, O].
      norm: each of NORM_WEIGHTS, [O].

    Returns:
      The same function as one convolution, float32.
    """
    gamma, beta, mean, variance = (norm[name].astype(np.float64) for name in NORM_WEIGHTS)
    scale = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    return Weights((kernel * scale).astype(np.float32), (beta - scale * mean).astype(np.float32))


def fold_tower(tower: keras.Model) -> dict[str, Weights]:
    """Fold all batch norms of a trained image tower.

    Args:
      tower: an ImageTower; only its weights are read, by their layers' names.

    Returns:
      "stem", and of each block "<block>_expand" (but of the first stage), "<block>_depthwise", "<block>_reduce",
      "<block>_excite" and "<block>_project", in order, e.g. "block1a_depthwise".
    """
    weights = {"/".join(weight.path.split("/")[-2:]): np.asarray(weight, np.float32) for weight in tower.weights}

    def folded(convolution: str, norm: str) -> Weights:
        return fold(weights[f"{convolution}/kernel"], {name: weights[f"{norm}/{name}"] for name in NORM_WEIGHTS})

    def linear(convolution: str) -> Weights:
        return Weights(weights[f"{convolution}/kernel"][0, 0], weights[f"{convolution}/bias"])

    convolutions = {STEM: folded("stem_conv", "stem_bn")}
    for name in list(weights):
        block = name.removesuffix("_dwconv/kernel")
        if block == name:
            continue
        if f"{block}_expand_conv/kernel" in weights:
            convolutions[f"{block}_expand"] = folded(f"{block}_expand_conv", f"{block}_expand_bn")
        weights[name] = weights[name].transpose(0, 1, 3, 2)  # [K, K, I, 1] -> [K, K, 1, I]: output channels come last
        kernel, bias = folded(f"{block}_dwconv", f"{block}_bn")
        convolutions[f"{block}_depthwise"] = Weights(kernel.transpose(0, 1, 3, 2), bias)
        convolutions[f"{block}_reduce"] = linear(f"{block}_se_reduce")
        convolutions[f"{block}_excite"] = linear(f"{block}_se_expand")
        convolutions[f"{block}_project"] = folded(f"{block}_project_conv", f"{block}_project_bn")
    return convolutions


class FoldedTower(tf.Module):
    """Map images to the features of the ImageTower that it is made from, in inference mode.

    To be called inside one tf.function, since frozen weights are written into the graph that the call is traced in.

    Args:
      tower: an ImageTower.
      frozen_bytes: most bytes of weights that are frozen, FROZEN_BYTES by default; a larger tower's are variables.
      precision: of its arithmetic.

    Call:
      images [B, H, W, 3] in [-1, 1], float32 -> features [B, F], float32.
    """

    def __init__(self, tower: keras.Model, frozen_bytes: int | None = None, precision: Precision = "float32") -> None:
        super().__init__(name="folded_tower")
        self._dtype = tf.as_dtype(precision)
        weights = {
            name: Weights(*(np.asarray(part, self._dtype.as_numpy_dtype) for part in of))
            for name, of in fold_tower(tower).items()
        }
        limit = FROZEN_BYTES if frozen_bytes is None else frozen_bytes
        if sum(part.nbytes for parts in weights.values() for part in parts) > limit:
            weights = {
                name: Weights(*(tf.Variable(part, trainable=False) for part in w)) for name, w in weights.items()
            }
            self._held = list(weights.values())  # what a SavedModel must hold is found through attributes
        self._weights_of = weights.__getitem__  # and a plain function is not looked into
        self._stem_stride = tower.stem_stride
        self._blocks = tuple(name.removesuffix("_depthwise") for name in weights if name.endswith("_depthwise"))

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        x = _silu(_convolve(tf.cast(images, self._dtype), self._weights_of(STEM), self._stem_stride))
        stage = ""
        for block in self._blocks:
            first = block[:-1] != stage  # block2a is the first of stage block2
            stage = block[:-1]
            x = self._apply_block(x, block, STAGES[int(stage.removeprefix("block")) - 1].stride if first else 1)
        return tf.reduce_mean(tf.cast(x, tf.float32), [1, 2])  # [B, H', W', F] -> [B, F]

    def _apply_block(self, inputs: tf.Tensor, block: str, stride: int) -> tf.Tensor:
        """Expand, convolve depth-wise, excite, project, and add where shapes allow: [B, H, W, I] -> [B, H', W', O]."""
        x = inputs
        if not block.startswith("block1"):  # whose expansion is 1
            x = _silu(_convolve(x, self._weights_of(f"{block}_expand"), 1))
        x = _silu(_convolve_depthwise(x, self._weights_of(f"{block}_depthwise"), stride))
        gate = tf.reduce_mean(x, [1, 2])  # [B, width]
        gate = tf.sigmoid(
            _project(_silu(_project(gate, self._weights_of(f"{block}_reduce"))), self._weights_of(f"{block}_excite"))
        )
        x = _convolve(x * gate[:, tf.newaxis, tf.newaxis], self._weights_of(f"{block}_project"), 1)
        return x + inputs if stride == 1 and x.shape[-1] == inputs.shape[-1] else x


def _silu(x: tf.Tensor) -> tf.Tensor:
    return x * tf.sigmoid(x)  # not tf.nn.silu, whose custom gradient hides the pattern that TensorFlow fuses


def _project(x: tf.Tensor, weights: Weights) -> tf.Tensor:
    return tf.nn.bias_add(tf.matmul(x, weights.kernel), weights.bias)  # [B, I] x [I, O] -> [B, O]


def _convolve(x: tf.Tensor, weights: Weights, stride: int) -> tf.Tensor:
    x, padding = _pad(x, weights.kernel.shape[0], stride)
    return tf.nn.bias_add(tf.nn.conv2d(x, weights.kernel, stride, padding), weights.bias)


def _convolve_depthwise(x: tf.Tensor, weights: Weights, stride: int) -> tf.Tensor:
    x, padding = _pad(x, weights.kernel.shape[0], stride)
    strides = [1, stride, stride, 1]
    return tf.nn.bias_add(tf.nn.depthwise_conv2d(x, weights.kernel, strides, padding), weights.bias)


def _pad(x: tf.Tensor, kernel: int, stride: int) -> tuple[tf.Tensor, str]:
    """Returns the input and the padding mode under which a strided convolution sees what the ImageTower pads.

    At even sizes that is what TensorFlow's SAME does, at the cost of no copy.
    """
    even = all(size is not None and size % 2 == 0 for size in x.shape[1:3])
    if stride == 1 or (stride == 2 and even):
        return x, "SAME"
    border = [kernel // 2 - 1, kernel // 2]
    return tf.pad(x, [[0, 0], border, border, [0, 0]]), "VALID"
