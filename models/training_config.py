"""How it is trained: the `training` section of a config. Imports no framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from components.config_fields import refuse_other_choices, refuse_unless

# In the paper the temperature ends near 1/64, and 1/128 does as well when fixed (table 8, arXiv:2102.05918): the floor
# is far below both and only keeps the divisor positive; the ceiling is far above the paper's start at 1.
MIN_TEMPERATURE = 1 / 1024
MAX_TEMPERATURE = 16.0
MAX_SEED = 2**31 - 1  # what TensorFlow's, Keras' and NumPy's generators all take


@dataclass(frozen=True)
class TrainingConfig:
    """Loss, optimizer, schedule and machines; the defaults are ALIGN section 5, arXiv:2102.05918.

    Attributes:
      base_model: whose weights training starts from: a model folder (`model` in a Trainer's model_run, `checkpoint` of
        `align import-hf`), or the folder OUTPUT/NAME of local runs, for the newest model blessed there; null for none.
      frozen_tower: "image" or "text" to leave that tower as `base_model` has it, batch norm included (LiT,
        arXiv:2111.07991); null trains both.
      data_fraction: share of the training images that is used, chosen by their fingerprint. [share; ALIGN section 5]
      loss: "softmax", the paper's; "multi_positive", the same but with every pair of the batch that shares the image or
        the caption as a positive; or "sigmoid" (SigLIP, arXiv:2303.15343).
      negatives: share of the batch's other pairs that each pair is told from; the paper's is 1, its table 8 has less.
        [share; ALIGN table 8]
      label_smoothing: share of each target spread over the batch; of the softmax losses. [share; ALIGN section 5]
      initial_temperature: sigma at step 0; logits are cosines divided by it. Training keeps it in
        [MIN_TEMPERATURE, MAX_TEMPERATURE]. [-; ALIGN section 5]
      learn_temperature: whether sigma is trained, as in the paper, or stays as it is at step 0.
      optimizer: "lamb", as in the paper, made for batches of thousands; or "adamw".
      steps: optimizer steps in all. [steps; ALIGN section 5]
      batch: pairs a step over all replicas, G. [pairs; ALIGN section 5]
      micro_batch: pairs that a replica encodes at a time, by gradient caching (arXiv:2101.06983): gradients are those
        of the whole batch in the memory of one micro-batch and the batch's images as bytes; null encodes a replica's
        share at once. [pairs; ours]
      learning_rate: peak, reached after `warmup_steps`, then linear to 0 at `steps`. [-; ALIGN section 5]
      warmup_steps: steps of the linear rise from 0. [steps; ALIGN section 5]
      weight_decay: of kernels and embeddings; batch norm, biases and the temperature are excluded. [-; ALIGN section 5]
      clip_norm: greatest global norm of the gradients of the whole batch; null never clips. [-; ours]
      max_skipped_steps: a step with gradients that are not finite changes nothing and is counted; one more than these
        ends training. [steps; ours]
      horizontal_flip: whether training images are mirrored at random.
      min_crop_area: least share of an image that a training crop covers, which is then resized to the model's
        `image_crop_px`; null cuts `image_crop_px` pixels at a random place, as in the paper. [share; ALIGN section 5]
      colour_jitter: strength in [0, 1] of random shifts of saturation, contrast and brightness; the paper has none.
        [-; ALIGN section 5]
      greyscale_share: share of training images that lose their colours; the paper has none. [share; ALIGN section 5]
      batch_norm_group: images whose statistics batch norm takes together; null takes all that a replica encodes at a
        time. The paper's replicas had 16. [images; ours]
      synchronized_batch_norm: whether batch statistics span all replicas. The paper's do not.
      image_precision, text_precision: of that tower's arithmetic, "float32" or "bfloat16"; weights, batch statistics,
        the loss and the optimizer are float32.
      strategy: "auto" mirrors over all accelerators of this machine, or over its CPU devices where it has none;
        "one_device"; "multi_worker" joins the workers that TF_CONFIG names; "tpu" joins the TPU that TPU_NAME names.
      kept_images_gib: where the resized images take at most so many GiB, each worker keeps them in memory and decodes
        none twice; more of them stream, decoded anew each time. [GiB; ours]
      shuffle_buffer: images held for shuffling where they stream. [images; ours]
      log_every_steps: steps between two lines of history. [steps; ours]
      checkpoint_every_steps, checkpoint_every_minutes: a checkpoint that training resumes from is written whenever
        either has passed; null never by that measure. [steps, minutes; ours]
      seed: of weights, shuffling, augmentation and dropout, from 0 to MAX_SEED. [-; ours]

    Examples:
      >>> TrainingConfig(batch=4096, micro_batch=256).micro_batches(replicas=4)
      4
    """

    base_model: str | None = None
    frozen_tower: Literal["image", "text"] | None = None
    data_fraction: float = 1.0
    loss: Literal["softmax", "multi_positive", "sigmoid"] = "softmax"
    negatives: float = 1.0
    label_smoothing: float = 0.1
    initial_temperature: float = 1.0
    learn_temperature: bool = True
    optimizer: Literal["lamb", "adamw"] = "lamb"
    steps: int = 1_200_000
    batch: int = 16_384
    micro_batch: int | None = None
    learning_rate: float = 1e-3
    warmup_steps: int = 10_000
    weight_decay: float = 1e-5
    clip_norm: float | None = None
    max_skipped_steps: int = 10
    horizontal_flip: bool = True
    min_crop_area: float | None = None
    colour_jitter: float = 0.0
    greyscale_share: float = 0.0
    batch_norm_group: int | None = None
    synchronized_batch_norm: bool = False
    image_precision: Literal["float32", "bfloat16"] = "float32"
    text_precision: Literal["float32", "bfloat16"] = "float32"
    strategy: Literal["auto", "one_device", "multi_worker", "tpu"] = "auto"
    kept_images_gib: float = 1.0
    shuffle_buffer: int = 10_000
    log_every_steps: int = 100
    checkpoint_every_steps: int | None = None
    checkpoint_every_minutes: float | None = 10.0
    seed: int = 0

    def __post_init__(self) -> None:
        self._check_choices()
        self._check_loss()
        self._check_steps()
        self._check_memory()
        self._check_images()

    def _must(self, fits: Callable[[Any], bool], must: str, *names: str) -> None:
        refuse_unless(self, "training", fits, must, *names)

    def _check_choices(self) -> None:
        refuse_other_choices(self, "training.")
        if self.frozen_tower is not None and self.base_model is None:
            raise ValueError(
                f"training.frozen_tower is {self.frozen_tower!r}, but training.base_model is null; a tower that is "
                "never trained must come from one: set training.base_model to a checkpoint's folder"
            )

    def _check_loss(self) -> None:
        self._must(lambda n: 0 < n <= 1, "above 0 and at most 1", "data_fraction", "negatives")
        if self.negatives < 1 and self.loss != "softmax":
            raise ValueError(
                f"training.negatives is {self.negatives} with training.loss {self.loss!r}; only 'softmax' leaves "
                "negatives out: set training.negatives to 1"
            )
        self._must(lambda n: 0 <= n < 1, "in [0, 1)", "label_smoothing")
        self._must(
            lambda n: MIN_TEMPERATURE <= n <= MAX_TEMPERATURE,
            f"between {MIN_TEMPERATURE} and {MAX_TEMPERATURE}, where training keeps it (the paper starts at 1 and ends "
            "near 1/64)",
            "initial_temperature",
        )

    def _check_steps(self) -> None:
        self._must(lambda n: n >= 1, "1 or more", "steps", "log_every_steps", "shuffle_buffer")
        if self.batch < 2:
            raise ValueError(f"training.batch is {self.batch}; a contrastive loss needs at least 2 pairs")
        in_training = f"between 0 and training.steps = {self.steps}"
        self._must(lambda n: 0 <= n <= self.steps, in_training, "warmup_steps")
        self._must(lambda n: n > 0, "above 0", "learning_rate")
        self._must(lambda n: 0 <= n <= MAX_SEED, f"from 0 to {MAX_SEED}", "seed")
        self._must(lambda n: n >= 0, "0 or more", "weight_decay", "max_skipped_steps", "kept_images_gib")
        now_and_then = ("clip_norm", "checkpoint_every_steps", "checkpoint_every_minutes")
        self._must(lambda n: n > 0, "above 0, or null for never", *now_and_then)

    def micro_batches(self, replicas: int) -> int | None:
        """Returns N: the micro-batches of each of `replicas` in a batch; null where they encode their share at once."""
        return None if self.micro_batch is None else self.batch // replicas // self.micro_batch

    def _check_memory(self) -> None:
        for name, whole in (("micro_batch", "batch"), ("batch_norm_group", "micro_batch")):
            part, total = getattr(self, name), getattr(self, whole) or self.batch
            if part is not None and (part < 1 or total % part):
                raise ValueError(
                    f"training.{name} is {part}, which does not divide training.{whole} = {total} evenly; set it to "
                    "a divisor of that, or to null"
                )
        if self.batch_norm_group is not None and self.synchronized_batch_norm:
            raise ValueError(
                f"training.batch_norm_group is {self.batch_norm_group} and training.synchronized_batch_norm is true; "
                "statistics of a group do not span replicas: set one of them to null or false"
            )

    def _check_images(self) -> None:
        crop = "above 0 and at most 1, or null for the paper's crop"
        self._must(lambda n: 0 < n <= 1, crop, "min_crop_area")
        self._must(lambda n: 0 <= n <= 1, "in [0, 1]", "colour_jitter", "greyscale_share")
