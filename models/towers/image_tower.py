"""The image tower: EfficientNet with global average pooling and without the 1x1 top convolution (ALIGN section 4.1).

Our own definition, because keras.applications fixes the sizes to B0 to B7 and the stem's stride to 2, and always builds
the top convolution. Layers carry its names (stem_conv, block1a_dwconv, ...), so that weights map by name.

Legend: B per-replica batch, H and W pixels, F output width.
"""

from __future__ import annotations

from typing import Any

import keras

from models.sizes import SQUEEZE_RATIO, STAGES, STEM_WIDTH, Stage, scale_repeats, scale_width
from models.towers.batch_norm import BatchNormalization
from models.towers.cpu.activations import silu
from models.towers.cpu.depthwise import DepthwiseConv2D
from models.towers.cpu.expansion import Expansion
from models.towers.cpu.normalized_silu import NormalizedSilu
from models.towers.cpu.pixel_conv import PixelConv2D
from models.towers.cpu.projection import GatedProjection
from models.towers.stochastic_depth import StochasticDepth

BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_MOMENTUM = 0.99


@keras.saving.register_keras_serializable(package="align")
class ImageTower(keras.Model):
    """Map images to feature vectors by EfficientNet's inverted residual blocks and global average pooling.

    Strided convolutions pad by k//2 - 1 pixels at top and left and k//2 at bottom and right whatever the size, as
    keras.applications does for images of unknown size; this is what the public ALIGN weights expect.

    Args:
      width_coefficient, depth_coefficient: compound scaling; B0 is 1.0/1.0, B7 2.0/3.1, L2 4.3/5.3.
      stem_stride: stride of the first convolution.
      drop_connect: stochastic depth; block i of n (from 0) is skipped with probability drop_connect * i / n.
      synchronized_batch_norm: whether training statistics span all replicas instead of each one's own batch.
      batch_norm_group: images whose training statistics are taken together; None takes all of the batch.

    Call:
      images [B, H, W, 3] in [-1, 1] -> features [B, F], F = scale_width(320, width_coefficient).

    Reference:
      Tan and Le, EfficientNet, arXiv:1905.11946.
    """

    def __init__(
        self,
        width_coefficient: float,
        depth_coefficient: float,
        *,
        stem_stride: int = 2,
        drop_connect: float = 0.2,
        synchronized_batch_norm: bool = False,
        batch_norm_group: int | None = None,
        name: str = "image_tower",
        **kwargs: Any,
    ) -> None:
        build = _Builder(synchronized_batch_norm, batch_norm_group)
        blocks = sum(scale_repeats(stage.repeats, depth_coefficient) for stage in STAGES)

        images = keras.Input((None, None, 3), name="image")
        x = build.convolution(images, scale_width(STEM_WIDTH, width_coefficient), 3, stem_stride, "stem_conv")
        x, _ = build.normalise_and_activate(x, "stem_bn", "stem_activation")
        index = 0
        for number, stage in enumerate(STAGES, start=1):
            for repeat in range(scale_repeats(stage.repeats, depth_coefficient)):
                x = build.block(
                    x,
                    stage,
                    width=scale_width(stage.width, width_coefficient),
                    stride=stage.stride if repeat == 0 else 1,
                    drop_rate=drop_connect * index / blocks,
                    name=f"block{number}{_letters(repeat)}_",
                )
                index += 1
        features = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        super().__init__(images, features, name=name, **kwargs)

        self.width_coefficient = width_coefficient
        self.depth_coefficient = depth_coefficient
        self.stem_stride = stem_stride
        self.drop_connect = drop_connect
        self.synchronized_batch_norm = synchronized_batch_norm
        self.batch_norm_group = batch_norm_group

    def get_config(self) -> dict[str, Any]:
        return {
            "width_coefficient": self.width_coefficient,
            "depth_coefficient": self.depth_coefficient,
            "stem_stride": self.stem_stride,
            "drop_connect": self.drop_connect,
            "synchronized_batch_norm": self.synchronized_batch_norm,
            "batch_norm_group": self.batch_norm_group,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> ImageTower:
        return cls(**config)


def _letters(index: int) -> str:
    """Returns the suffix of block `index` of a stage: a to z as in keras.applications, then {, |, ... as chr does."""
    return chr(ord("a") + index)


class _Builder:
    """Layers of the functional graph that share initialisers and batch norm's settings."""

    def __init__(self, synchronized_batch_norm: bool, batch_norm_group: int | None) -> None:
        self._synchronized = synchronized_batch_norm
        self._group = batch_norm_group

    def convolution(self, x: keras.KerasTensor, width: int, kernel: int, stride: int, name: str) -> keras.KerasTensor:
        x, padding = _pad(x, kernel, stride, name)
        return keras.layers.Conv2D(
            width,
            kernel,
            strides=stride,
            padding=padding,
            use_bias=False,
            kernel_initializer=_convolution_initializer(),
            name=name,
        )(x)

    def expand(self, x: keras.KerasTensor, width: int, name: str) -> keras.KerasTensor:
        convolution = keras.layers.Conv2D(
            width, 1, use_bias=False, kernel_initializer=_convolution_initializer(), name=f"{name}expand_conv"
        )
        norm = self._norm(f"{name}expand_bn")
        convolution.build(x.shape)  # both here, so that their weights keep the paths of layers of the tower
        norm.build((*x.shape[:-1], width))
        x = Expansion(convolution, norm, name=f"{name}expand")(x)
        return keras.layers.Activation(silu, name=f"{name}expand_activation")(x)

    def depthwise(self, x: keras.KerasTensor, kernel: int, stride: int, name: str) -> keras.KerasTensor:
        return DepthwiseConv2D(kernel, stride, depthwise_initializer=_convolution_initializer(), name=name)(x)

    def normalise(self, x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        return self._norm(name)(x)

    def normalise_and_activate(
        self, x: keras.KerasTensor, norm_name: str, name: str
    ) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Returns activations [B, H, W, width] and their means [B, 1, 1, width]."""
        norm = self._norm(norm_name)
        norm.build(x.shape)  # here, so that its weights keep the paths of a layer of the tower
        return NormalizedSilu(norm, name=name)(x)

    def excite_and_project(
        self, x: keras.KerasTensor, gate: keras.KerasTensor, squeezed: int, width: int, name: str
    ) -> keras.KerasTensor:
        """Weigh channels by a two-layer perceptron of their means (arXiv:1709.01507), and narrow them to `width`."""
        for units, activation, part in ((squeezed, "silu", "reduce"), (x.shape[-1], "sigmoid", "expand")):
            gate = PixelConv2D(
                units,
                1,
                activation=activation,
                kernel_initializer=_convolution_initializer(),
                name=f"{name}se_{part}",
            )(gate)
        return GatedProjection(width, _convolution_initializer(), name=f"{name}project_conv")(x, gate)

    def _norm(self, name: str) -> BatchNormalization:
        return BatchNormalization(
            momentum=BATCH_NORM_MOMENTUM,
            epsilon=BATCH_NORM_EPSILON,
            synchronized=self._synchronized,
            group=self._group,
            name=name,
        )

    def block(
        self, inputs: keras.KerasTensor, stage: Stage, *, width: int, stride: int, drop_rate: float, name: str
    ) -> keras.KerasTensor:
        """Add an inverted residual block: expand, convolve depth-wise, excite, project, and add where shapes allow."""
        width_in = inputs.shape[-1]
        x = inputs
        if stage.expansion != 1:
            x = self.expand(x, width_in * stage.expansion, name)
        x = self.depthwise(x, stage.kernel, stride, f"{name}dwconv")
        x, means = self.normalise_and_activate(x, f"{name}bn", f"{name}activation")
        x = self.excite_and_project(x, means, max(1, int(width_in * SQUEEZE_RATIO)), width, name)
        x = self.normalise(x, f"{name}project_bn")
        if stride != 1 or width != width_in:
            return x
        return StochasticDepth(drop_rate, name=f"{name}add")(x, inputs)


def _pad(x: keras.KerasTensor, kernel: int, stride: int, name: str) -> tuple[keras.KerasTensor, str]:
    """Returns the input and the padding mode under which a convolution divides its size by `stride`."""
    if stride == 1:
        return x, "same"
    border = (kernel // 2 - 1, kernel // 2)
    return keras.layers.ZeroPadding2D((border, border), name=f"{name}_pad")(x), "valid"


def _convolution_initializer() -> keras.initializers.Initializer:
    return keras.initializers.VarianceScaling(scale=2.0, mode="fan_out", distribution="truncated_normal")
