"""What is trained and how: the `model` and `training` sections of a config. Imports no framework."""

from __future__ import annotations

from dataclasses import dataclass

OPTIMIZERS = ("lamb", "adamw")

# In the paper the temperature ends near 1/64, and 1/128 does as well when fixed (table 8, arXiv:2102.05918): the floor
# is far below both and only keeps the divisor positive; the ceiling is far above the paper's start at 1.
MIN_TEMPERATURE = 1 / 1024
MAX_TEMPERATURE = 16.0


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


@dataclass(frozen=True)
class TrainingConfig:
    """Loss, optimizer and schedule; the defaults are ALIGN section 5, arXiv:2102.05918.

    Attributes:
      optimizer: "lamb", as in the paper, made for batches of thousands; or "adamw".
      steps: optimizer steps in all.
      batch: pairs a step over all replicas, G.
      learning_rate: peak, reached after `warmup_steps`, then linear to 0 at `steps`.
      warmup_steps: steps of the linear rise from 0.
      weight_decay: of kernels and embeddings; batch norm, biases and the temperature are excluded.
      label_smoothing: share of each target spread over the batch.
      initial_temperature: sigma at step 0; logits are cosines divided by it. Training keeps it in
        [MIN_TEMPERATURE, MAX_TEMPERATURE].
      horizontal_flip: whether training images are mirrored at random.
      min_crop_area: least share of an image that a training crop covers, which is then resized to the model's
        `image_crop_px`; null cuts `image_crop_px` pixels at a random place, as in the paper.
      colour_jitter: strength in [0, 1] of random shifts of saturation, contrast and brightness; the paper has none.
      greyscale_share: share of training images that lose their colours; the paper has none.
      synchronized_batch_norm: whether batch statistics span all replicas. The paper's do not.
      shuffle_buffer: images held for shuffling.
      log_every_steps: steps between two lines of history.
      seed: of weights, shuffling, augmentation and dropout.
    """

    optimizer: str = "lamb"
    steps: int = 1_200_000
    batch: int = 16_384
    learning_rate: float = 1e-3
    warmup_steps: int = 10_000
    weight_decay: float = 1e-5
    label_smoothing: float = 0.1
    initial_temperature: float = 1.0
    horizontal_flip: bool = True
    min_crop_area: float | None = None
    colour_jitter: float = 0.0
    greyscale_share: float = 0.0
    synchronized_batch_norm: bool = False
    shuffle_buffer: int = 10_000
    log_every_steps: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"training.optimizer is {self.optimizer!r}; it must be one of {list(OPTIMIZERS)}")
        for name in ("steps", "log_every_steps", "shuffle_buffer"):
            if getattr(self, name) < 1:
                raise ValueError(f"training.{name} is {getattr(self, name)}; it must be 1 or more")
        if self.batch < 2:
            raise ValueError(f"training.batch is {self.batch}; a contrastive loss needs at least 2 pairs")
        if not 0 <= self.warmup_steps <= self.steps:
            raise ValueError(
                f"training.warmup_steps is {self.warmup_steps}; it must be between 0 and training.steps = {self.steps}"
            )
        if self.learning_rate <= 0:
            raise ValueError(f"training.learning_rate is {self.learning_rate}; it must be above 0")
        if self.weight_decay < 0:
            raise ValueError(f"training.weight_decay is {self.weight_decay}; it must be 0 or more")
        if self.min_crop_area is not None and not 0 < self.min_crop_area <= 1:
            raise ValueError(
                f"training.min_crop_area is {self.min_crop_area}; it must be above 0 and at most 1, or null for the "
                "paper's crop"
            )
        for name in ("colour_jitter", "greyscale_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"training.{name} is {getattr(self, name)}; it must be in [0, 1]")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"training.label_smoothing is {self.label_smoothing}; it must be in [0, 1)")
        if not MIN_TEMPERATURE <= self.initial_temperature <= MAX_TEMPERATURE:
            raise ValueError(
                f"training.initial_temperature is {self.initial_temperature}; it must be between {MIN_TEMPERATURE} and "
                f"{MAX_TEMPERATURE}, where training keeps it (the paper starts at 1 and ends near 1/64)"
            )
