"""Which pairs PairFilter drops: the `filter` section of a config, with the paper's values as defaults."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FilterConfig:
    """Thresholds of the filter's rules; the defaults are ALIGN section 3, arXiv:2102.05918.

    Attributes:
      splits: splits that are filtered; the others pass whole. Counts over the data come from "train" alone.
      shorter_side_above_px: an image is kept when its shorter side is above this, in pixels.
      max_aspect_ratio: an image is kept when longer side / shorter side is at most this.
      max_captions_per_image: an image (by its bytes) with more captions than this is dropped.
      max_images_per_caption: a caption shared by more different images than this is dropped.
      min_words: a caption with fewer words (unigrams) is dropped.
      max_words: a caption with more words (unigrams) is dropped.
      drop_evaluation_images: drop from "train" each image whose decoded pixels equal those of an image of any
        other split.
    """

    splits: tuple[str, ...] = ("train",)
    shorter_side_above_px: int = 200
    max_aspect_ratio: float = 3.0
    max_captions_per_image: int = 1000
    max_images_per_caption: int = 10
    min_words: int = 3
    max_words: int = 20
    drop_evaluation_images: bool = True

    def __post_init__(self) -> None:
        if self.shorter_side_above_px < 0:
            raise ValueError(f"filter.shorter_side_above_px is {self.shorter_side_above_px}; it must be 0 or more")
        if self.max_aspect_ratio < 1:
            raise ValueError(f"filter.max_aspect_ratio is {self.max_aspect_ratio}; it must be 1 or more")
        for name in ("max_captions_per_image", "max_images_per_caption", "min_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"filter.{name} is {getattr(self, name)}; it must be 1 or more")
        if self.max_words < self.min_words:
            raise ValueError(
                f"filter.max_words is {self.max_words}, below filter.min_words = {self.min_words}; "
                "no caption could pass"
            )
