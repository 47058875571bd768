"""The image tower: EfficientNet with global average pooling and without the 1x1 top convolution (ALIGN section 4.1).

Our own definition, because keras.applications fixes the sizes to B0 to B7 and the stem's stride to 2, and always builds
the top convolution.

Legend: B per-replica batch, H and W pixels, F output width.
"""

from __future__ import annotations

from typing import Any

import keras

from models.sizes import STAGES, STEM_WIDTH, block_name, scale_repeats, scale_width
from models.towers.efficientnet_blocks import InvertedResidual, Stem


@keras.saving.register_keras_serializable(package="align")
class ImageTower(keras.Model):
    """Map images to feature vectors by EfficientNet's inverted residual blocks and global average pooling.

    Args:
      width_coefficient, depth_coefficient: compound scaling; B0 is 1.0/1.0, B7 2.0/3.1, L2 4.3/5.3.
      stem_stride: stride of the first convolution.
      drop_connect: stochastic depth; block i of n (from 0) is skipped with probability drop_connect * i / n.
      synchronized_batch_norm: whether training statistics span all replicas instead of each one's own batch.
      batch_norm_group: images whose training statistics are taken together; None takes all of the batch.

    Call:
      images [B, H, W, 3] in [-1, 1] -> features [B, F], F = scale_width(320, width_coefficient).

    Examples:
      >>> tower = ImageTower(width_coefficient=1.0, depth_coefficient=0.1)
      >>> tuple(tower(keras.ops.zeros([1, 64, 64, 3])).shape)
      (1, 320)

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
        norm: dict[str, Any] = {"synchronized": synchronized_batch_norm, "group": batch_norm_group}
        blocks = sum(scale_repeats(stage.repeats, depth_coefficient) for stage in STAGES)

        images = keras.Input((None, None, 3), name="image")
        x = Stem(scale_width(STEM_WIDTH, width_coefficient), stem_stride, **norm)(images)
        index = 0
        for number, stage in enumerate(STAGES, start=1):
            for repeat in range(scale_repeats(stage.repeats, depth_coefficient)):
                x = InvertedResidual(
                    x.shape[-1],
                    scale_width(stage.width, width_coefficient),
                    kernel=stage.kernel,
                    stride=stage.stride if repeat == 0 else 1,
                    expansion=stage.expansion,
                    drop_rate=drop_connect * index / blocks,
                    name=block_name(number, repeat),
                    **norm,
                )(x)
                index += 1
        features = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        super().__init__(images, features, name=name, **kwargs)

        self.width_coefficient, self.depth_coefficient = width_coefficient, depth_coefficient
        self.stem_stride, self.drop_connect = stem_stride, drop_connect
        self.synchronized_batch_norm, self.batch_norm_group = synchronized_batch_norm, batch_norm_group

    def get_config(self) -> dict[str, Any]:
        names = ("width_coefficient", "depth_coefficient", "stem_stride", "drop_connect")
        norms = ("synchronized_batch_norm", "batch_norm_group")
        return {name: getattr(self, name) for name in (*names, *norms, "name")}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> ImageTower:
        return cls(**config)
