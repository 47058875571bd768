"""EfficientNet's stem and its inverted residual block, of Keras's own layers.

A layer carries the name that keras.applications gives it (stem_conv, block1a_dwconv, ...), so that weights map by name.

Legend: B per-replica batch, H and W pixels, I channels in, E = expansion * I, O channels out.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from models.sizes import SQUEEZE_RATIO
from models.towers.batch_norm import BatchNormalization
from models.towers.cpu.choice import fast_forms
from models.towers.stochastic_depth import StochasticDepth

BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_MOMENTUM = 0.99


@keras.saving.register_keras_serializable(package="align")
class Stem(keras.layers.Layer):
    """Convolve images by 3x3, normalise and activate.

    Args:
      width: O.
      stride: of the convolution.
      synchronized, group: of the batch norm.

    Call:
      [B, H, W, 3] -> [B, H // stride, W // stride, O].

    Examples:
      >>> tuple(Stem(8, stride=2)(ops.zeros([1, 32, 32, 3])).shape)
      (1, 16, 16, 8)
    """

    def __init__(
        self,
        width: int,
        stride: int,
        *,
        synchronized: bool = False,
        group: int | None = None,
        name: str = "stem",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.width, self.stride, self.synchronized, self.group = width, stride, synchronized, group
        self.conv = _convolution(width, 3, f"{name}_conv", stride, dtype=self.dtype_policy)
        self.bn = _batch_norm(self, f"{name}_bn")
        _build(3, (self.conv, self.bn))
        self.built = True
        forms = fast_forms()
        self._fast_form = None if forms is None else forms.stem

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        x = self.conv(_pad(inputs, 3, self.stride))
        if self._fast_form is not None:
            return self._fast_form(self, x, training)
        return ops.silu(self.bn(x, training=training))

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return _strided(input_shape, self.stride, self.width)

    def get_config(self) -> dict[str, Any]:
        return _config(self, super().get_config(), ("width", "stride"))


@keras.saving.register_keras_serializable(package="align")
class InvertedResidual(keras.layers.Layer):
    """Widen, convolve each channel by itself, weigh channels, narrow, and add the input where shapes allow.

    Args:
      width_in, width: I and O.
      kernel, stride: of the depth-wise convolution.
      expansion: E / I; 1 leaves the widening out.
      drop_rate: of stochastic depth.
      synchronized, group: of the batch norms.

    Call:
      [B, H, W, I] -> [B, H // stride, W // stride, O].

    Examples:
      >>> block = InvertedResidual(8, 16, kernel=3, stride=2, expansion=6, name="block2a")
      >>> tuple(block(ops.zeros([1, 16, 16, 8])).shape)
      (1, 8, 8, 16)

    Reference:
      Tan and Le, EfficientNet, arXiv:1905.11946; squeeze-and-excitation: Hu et al., arXiv:1709.01507.
    """

    def __init__(
        self,
        width_in: int,
        width: int,
        *,
        kernel: int,
        stride: int,
        expansion: int,
        drop_rate: float = 0.0,
        synchronized: bool = False,
        group: int | None = None,
        name: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.width_in, self.width, self.kernel, self.stride = width_in, width, kernel, stride
        self.expansion, self.drop_rate, self.synchronized, self.group = expansion, drop_rate, synchronized, group
        wide, dtype = width_in * expansion, self.dtype_policy
        self.expands, self.adds = expansion != 1, stride == 1 and width == width_in
        if self.expands:
            self.expand_conv = _convolution(wide, 1, f"{name}_expand_conv", dtype=dtype)
            self.expand_bn = _batch_norm(self, f"{name}_expand_bn")
            _build(width_in, (self.expand_conv, self.expand_bn))
        self.dwconv = keras.layers.DepthwiseConv2D(
            kernel,
            stride,
            padding="same" if stride == 1 else "valid",
            use_bias=False,
            depthwise_initializer=_initializer(),
            dtype=dtype,
            name=f"{name}_dwconv",
        )
        self.bn = _batch_norm(self, f"{name}_bn")
        _build(wide, (self.dwconv, self.bn))
        squeezed = max(1, int(width_in * SQUEEZE_RATIO))
        self.se_reduce = _convolution(squeezed, 1, f"{name}_se_reduce", use_bias=True, activation="silu", dtype=dtype)
        self.se_expand = _convolution(wide, 1, f"{name}_se_expand", use_bias=True, activation="sigmoid", dtype=dtype)
        _build(wide, (self.se_reduce, self.se_expand))
        self.project_conv = _convolution(width, 1, f"{name}_project_conv", dtype=dtype)
        self.project_bn = _batch_norm(self, f"{name}_project_bn")
        _build(wide, (self.project_conv, self.project_bn))
        if self.adds:
            self.add = StochasticDepth(drop_rate, dtype=dtype, name=f"{name}_add")
        self.built = True
        forms = fast_forms()
        self._fast_form = None if forms is None else forms.inverted_residual

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if self._fast_form is not None:
            return self._fast_form(self, inputs, training)
        x = inputs
        if self.expands:
            x = ops.silu(self.expand_bn(self.expand_conv(x), training=training))  # [B, H, W, E]
        x = self.dwconv(_pad(x, self.kernel, self.stride))
        x = ops.silu(self.bn(x, training=training))  # [B, H // stride, W // stride, E]
        gate = ops.mean(x, axis=[1, 2], keepdims=True)
        gate = self.se_expand(self.se_reduce(gate))  # [B, 1, 1, E]
        x = self.project_bn(self.project_conv(x * gate), training=training)  # [B, H // stride, W // stride, O]
        return self.add(x, inputs, training=training) if self.adds else x

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        return _strided(input_shape, self.stride, self.width)

    def get_config(self) -> dict[str, Any]:
        names = ("width_in", "width", "kernel", "stride", "expansion", "drop_rate")
        return _config(self, super().get_config(), names)


def _pad(x: Any, kernel: int, stride: int) -> Any:
    """Pad so that a strided convolution divides the size by `stride`, rounded down, whatever the size.

    kernel // 2 - 1 pixels at top and left and kernel // 2 at bottom and right, as keras.applications does for images of
    unknown size; this is what the public ALIGN weights expect. Without a stride the convolution pads by itself.
    """
    border = (kernel // 2 - 1, kernel // 2)
    return x if stride == 1 else ops.pad(x, [(0, 0), border, border, (0, 0)])


def _convolution(
    width: int, kernel: int, name: str, stride: int = 1, use_bias: bool = False, **how: Any
) -> keras.layers.Conv2D:
    padding = "same" if stride == 1 else "valid"
    return keras.layers.Conv2D(
        width, kernel, stride, padding, use_bias=use_bias, kernel_initializer=_initializer(), name=name, **how
    )


def _batch_norm(layer: Stem | InvertedResidual, name: str) -> BatchNormalization:
    return BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM,
        epsilon=BATCH_NORM_EPSILON,
        synchronized=layer.synchronized,
        group=layer.group,
        dtype=layer.dtype_policy,
        name=name,
    )


def _initializer() -> keras.initializers.Initializer:
    return keras.initializers.VarianceScaling(scale=2.0, mode="fan_out", distribution="truncated_normal")


def _build(channels: int, layers: tuple[keras.layers.Layer, ...]) -> None:
    """Build layers in a row, outside of a block's scope: the path of a weight begins with its layer's name."""
    shape: tuple[Any, ...] = (None, None, None, channels)
    for layer in layers:
        layer.build(shape)
        shape = layer.compute_output_shape(shape)


def _strided(shape: tuple[Any, ...], stride: int, width: int) -> tuple[Any, ...]:
    batch, *sizes, _ = shape
    return (batch, *(size if size is None or stride == 1 else (size - 2) // stride + 1 for size in sizes), width)


def _config(layer: Stem | InvertedResidual, base: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {**base, **{name: getattr(layer, name) for name in (*names, "synchronized", "group")}}
