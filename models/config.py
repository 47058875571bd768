"""The sizes of what is trained: the `model` section of a config. Imports no framework."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from components.closest_name import did_you_mean
from components.config_fields import refuse_unless
from models.sizes import BERTS, EFFICIENTNETS, BertSize, EfficientNetSize


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the two towers; the defaults are EfficientNet-B7 and BERT-base, as in most of the paper's tables.

    Attributes:
      image: EfficientNet of the image tower, "b0" to "b7" or "l2".
      text: BERT of the text tower, "tiny", "mini", "small", "medium", "base" or "large".
      image_width_coefficient, image_depth_coefficient: EfficientNet's compound scaling (arXiv:1905.11946), where it
        is not that of `image`; null takes that. [ratio; arXiv:1905.11946]
      text_layers, text_hidden, text_heads, text_intermediate: BERT's sizes (arXiv:1810.04805), where they are not
        those of `text`; null takes those. [-; arXiv:1810.04805]
      image_stem_stride: stride of the first convolution, 2 in EfficientNet; 1 keeps small images from vanishing.
        [px; arXiv:1905.11946]
      image_resize_px: images are resized to this square, bilinear, not aspect-preserving. [px; ALIGN section 5]
      image_crop_px: random crop in training, central crop in evaluation and serving. [px; ALIGN section 5]
      text_max_pieces: word pieces of a caption that are read, [CLS] and [SEP] included. [pieces; ALIGN section 5]
      embedding: dimension D of the shared space. Text always gets a linear layer to it; images only where the image
        tower's own width differs (B7 is 640 wide without the top convolution, so in the paper it gets none).
        [dimensions; ALIGN table 8]
      dropout: rate in the text tower and before the projections. [rate; arXiv:1810.04805]
      drop_connect: stochastic depth of the image tower's last block; block i of n has i/n of it.
        [rate; arXiv:1905.11946]

    Examples:
      >>> ModelConfig(image="b5", text="mini").text_size.hidden
      256
      >>> ModelConfig(image="b5 ")
      Traceback (most recent call last):
        ...
      ValueError: model.image is 'b5 ', which is not a size; did you mean 'b5'?
    """

    image: str = "b7"
    text: str = "base"
    image_width_coefficient: float | None = None
    image_depth_coefficient: float | None = None
    image_stem_stride: int = 2
    image_resize_px: int = 346
    image_crop_px: int = 289
    text_layers: int | None = None
    text_hidden: int | None = None
    text_heads: int | None = None
    text_intermediate: int | None = None
    text_max_pieces: int = 64
    embedding: int = 640
    dropout: float = 0.1
    drop_connect: float = 0.2

    def __post_init__(self) -> None:
        _check_name("image", self.image, EFFICIENTNETS)
        _check_name("text", self.text, BERTS)
        must = functools.partial(refuse_unless, self, "model")
        of_image = ("image_width_coefficient", "image_depth_coefficient")
        must(lambda n: n > 0, "above 0, or null for that of model.image", *of_image)
        of_text = ("text_layers", "text_hidden", "text_heads", "text_intermediate")
        must(lambda n: n >= 1, "1 or more, or null for that of model.text", *of_text)
        must(lambda n: n >= 1, "1 or more", "image_stem_stride", "image_resize_px", "image_crop_px", "embedding")
        if self.image_crop_px > self.image_resize_px:
            raise ValueError(
                f"model.image_crop_px is {self.image_crop_px}, above model.image_resize_px = {self.image_resize_px}; "
                "the crop is cut from the resized image"
            )
        if self.text_size.hidden % self.text_size.heads:
            raise ValueError(
                f"model.text_hidden is {self.text_size.hidden}, not a multiple of model.text_heads = "
                f"{self.text_size.heads}; set both, since null takes that of model.text {self.text!r}"
            )
        must(lambda n: n >= 3, "3 or more: [CLS], one piece, [SEP]", "text_max_pieces")
        must(lambda n: 0 <= n < 1, "in [0, 1)", "dropout", "drop_connect")

    @property
    def image_size(self) -> EfficientNetSize:
        """The image tower's size: that of `image`, with what is set beside it in its place."""
        named = EFFICIENTNETS[self.image]
        return EfficientNetSize(
            named.width_coefficient if self.image_width_coefficient is None else self.image_width_coefficient,
            named.depth_coefficient if self.image_depth_coefficient is None else self.image_depth_coefficient,
        )

    @property
    def text_size(self) -> BertSize:
        """The text tower's size: that of `text`, with what is set beside it in its place."""
        named = BERTS[self.text]
        return BertSize(
            layers=named.layers if self.text_layers is None else self.text_layers,
            hidden=named.hidden if self.text_hidden is None else self.text_hidden,
            heads=named.heads if self.text_heads is None else self.text_heads,
            intermediate=named.intermediate if self.text_intermediate is None else self.text_intermediate,
        )


def _check_name(field: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        hint = did_you_mean(name, known) or f"; it must be one of {', '.join(known)}"
        raise ValueError(f"model.{field} is {name!r}, which is not a size{hint}")
