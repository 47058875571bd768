"""The sizes of what is trained: the `model` section of a config. Imports no framework."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the two towers.

    Attributes:
      image_width_coefficient, image_depth_coefficient: EfficientNet's compound scaling (arXiv:1905.11946);
        B0 is 1.0/1.0, B7 2.0/3.1, L2 4.3/5.3.
      image_stem_stride: stride of the first convolution, 2 in EfficientNet; 1 keeps small images from vanishing.
      image_resize_px: images are resized to this square, bilinear, not aspect-preserving.
      image_crop_px: random crop in training, central crop in evaluation and serving.
      text_layers, text_hidden, text_heads, text_intermediate: BERT's sizes (arXiv:1810.04805); base is 12, 768,
        12, 3072.
      text_max_pieces: word pieces of a caption that are read, [CLS] and [SEP] included.
      embedding: dimension D of the shared space. Text always gets a linear layer to it; images only where the image
        tower's own width differs (B7 is 640 wide without the top convolution, so in the paper it gets none).
      dropout: rate in the text tower and before the projections.
      drop_connect: stochastic depth of the image tower's last block; block i of n has i/n of it.
    """

    image_width_coefficient: float = 1.0
    image_depth_coefficient: float = 1.0
    image_stem_stride: int = 2
    image_resize_px: int = 346
    image_crop_px: int = 289
    text_layers: int = 12
    text_hidden: int = 768
    text_heads: int = 12
    text_intermediate: int = 3072
    text_max_pieces: int = 64
    embedding: int = 640
    dropout: float = 0.1
    drop_connect: float = 0.2

    def __post_init__(self) -> None:
        for name in ("image_width_coefficient", "image_depth_coefficient"):
            if getattr(self, name) <= 0:
                raise ValueError(f"model.{name} is {getattr(self, name)}; it must be above 0")
        for name in (
            "image_stem_stride",
            "image_resize_px",
            "image_crop_px",
            "text_layers",
            "text_hidden",
            "text_heads",
            "text_intermediate",
            "embedding",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"model.{name} is {getattr(self, name)}; it must be 1 or more")
        if self.image_crop_px > self.image_resize_px:
            raise ValueError(
                f"model.image_crop_px is {self.image_crop_px}, above model.image_resize_px = {self.image_resize_px}; "
                "the crop is cut from the resized image"
            )
        if self.text_hidden % self.text_heads:
            raise ValueError(
                f"model.text_hidden is {self.text_hidden}, not a multiple of model.text_heads = {self.text_heads}"
            )
        if self.text_max_pieces < 3:
            raise ValueError(
                f"model.text_max_pieces is {self.text_max_pieces}; it must be 3 or more: [CLS], one piece, [SEP]"
            )
        for name in ("dropout", "drop_connect"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"model.{name} is {getattr(self, name)}; it must be in [0, 1)")
