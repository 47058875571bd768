"""Which models PairFilter asks about images, and how: a scorer of unsafe ones, and an embedder for near-duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.config_fields import refuse_other_choices

Scale = Literal["minus_one_to_one", "zero_to_one", "imagenet", "bytes"]
Layout = Literal["nhwc", "nchw"]
ONNX_SUFFIX = ".onnx"


@dataclass(frozen=True)
class ImageModelConfig:
    """A model in a file, and the images that it takes.

    Attributes:
      path: a SavedModel's folder, or an ONNX file, which is told by its ending in ".onnx"; local or on a file system
        that TensorFlow reads. Every worker must reach it under this path.
      image_px: side of the square that the model takes, in pixels; images are squeezed into it, not cropped.
        [px; the model's]
      scale: what becomes of a pixel's 0 to 255. "minus_one_to_one" and "zero_to_one" say it; "imagenet" takes the
        ImageNet mean off 0 to 1 and divides by its standard deviation; "bytes" leaves it as it is.
      layout: "nhwc" (height, width, channel) or "nchw" (channel, height, width).
      output: name of the output that is read; null where the model has one alone.
      columns: columns of the output that are added up to the score (the classes that are unsafe); () where the output
        is the score or the embedding itself. [column numbers; the model's]
      signature: signature of a SavedModel; an ONNX file has none.
      batch: images in a batch. [images; ours]

    Examples:
      >>> ImageModelConfig("scorer.onnx", image_px=224, scale="imagenet", layout="nchw").is_onnx
      True
    """

    path: str
    image_px: int
    scale: Scale
    layout: Layout = "nhwc"
    output: str | None = None
    columns: tuple[int, ...] = ()
    signature: str = "serving_default"
    batch: int = 32

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError(f"path is empty; give a SavedModel's folder or a file that ends in {ONNX_SUFFIX}")
        if self.image_px < 1:
            raise ValueError(f"image_px of {self.path} is {self.image_px}; it must be 1 or more")
        if self.batch < 1:
            raise ValueError(f"batch of {self.path} is {self.batch}; it must be 1 or more")
        refuse_other_choices(self, behind=f" of {self.path}")
        if any(column < 0 for column in self.columns) or len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns of {self.path} are {self.columns}; they must be different numbers from 0 up")

    @property
    def is_onnx(self) -> bool:
        """Whether the path names an ONNX file."""
        return self.path.lower().endswith(ONNX_SUFFIX)


@dataclass(frozen=True)
class UnsafeConfig:
    """Drop images that a model calls unsafe.

    Attributes:
      model: a model that gives each image a probability: its one output, or some of its classes added up.
      threshold: an image with this score or more is dropped. [probability; ours]

    Examples:
      >>> UnsafeConfig(ImageModelConfig("scorer.onnx", image_px=224, scale="imagenet")).threshold
      0.5
    """

    model: ImageModelConfig
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:  # NaN too
            raise ValueError(
                f"threshold of {self.model.path} is {self.threshold}; it must be above 0, which would drop everything, "
                "and at most 1"
            )


@dataclass(frozen=True)
class NeighbourConfig:
    """Drop training images that a model embeds next to an evaluation image: ALIGN appendix A, arXiv:2102.05918.

    Attributes:
      model: a model that gives each image a vector.
      clusters: clusters of k-means; fewer where there are not as many different embeddings to learn them from.
        [clusters; ALIGN appendix A]
      nearest: clusters that an image is in. [clusters; ALIGN appendix A]
      shared: clusters that two images must be in together to be compared. [clusters; ALIGN appendix A]
      min_cosine: two that are compared are near-duplicates where their cosine is above this. [cosine; ALIGN appendix A]
      sample: embeddings that the clusters are learnt from, at most. We differ: the paper takes all training images.
        [embeddings; ours]

    Examples:
      >>> NeighbourConfig(ImageModelConfig("embedder", image_px=224, scale="zero_to_one"), clusters=64).min_cosine
      0.975
    """

    model: ImageModelConfig
    clusters: int = 4096
    nearest: int = 10
    shared: int = 3
    min_cosine: float = 0.975
    sample: int = 200_000

    def __post_init__(self) -> None:
        if self.model.columns:
            raise ValueError(f"columns of {self.model.path} are {self.model.columns}; an embedding is taken whole: ()")
        if not 1 <= self.shared <= self.nearest <= self.clusters <= self.sample:
            raise ValueError(
                f"shared, nearest, clusters and sample of {self.model.path} are {self.shared}, {self.nearest}, "
                f"{self.clusters} and {self.sample}; from 1 up, none may be above the next"
            )
        if not -1 <= self.min_cosine < 1:  # NaN too
            raise ValueError(
                f"min_cosine of {self.model.path} is {self.min_cosine}; it must be -1 or more and below 1, "
                "which no cosine exceeds"
            )
