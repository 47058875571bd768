"""The paper's recipes by which the image tower learns another task, as settings. Imports no framework.

A recipe says which phases a training has, given the number of training images. The constants are those of ALIGN
section 5.4 (arXiv:2102.05918) unless a field says otherwise.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Literal

from components.config_fields import refuse_other_choices, refuse_unless
from models.training_config import MAX_SEED
from models.transfer.schedules import Cosine, StepDecay

Cut = Literal["inception", "whole"]


@dataclass(frozen=True)
class Phase:
    """A stretch of training under one schedule.

    Attributes:
      trains: "head" leaves the tower bit for bit as it is; "all" trains both.
      statistics: by which batch norm normalises while all is trained: those of the "batch", which then move the
        tower's own, or the tower's own, "frozen". The tower is in inference mode where they are frozen, so stochastic
        depth, of which the paper says nothing there, is off too.
      schedule: step, from 0 -> learning rate of the head.
      backbone_share: the tower's learning rate over the head's.
      batch: images a step.
      steps: how many.
      train_px: images are trained on as squares of this side.
      cut: what a training image is of: an "inception" crop, mirrored half of the time, or the "whole" image.
      weight_decay: of kernels, as part of the gradient.
    """

    trains: Literal["head", "all"]
    statistics: Literal["batch", "frozen"]
    schedule: StepDecay | Cosine
    backbone_share: float
    batch: int
    steps: int
    train_px: int
    cut: Cut
    weight_decay: float


@dataclass(frozen=True)
class Settings:
    """Fields of each recipe."""

    momentum: float = 0.9
    micro_batch: int | None = None
    judged_share: float = 0.875
    seed: int = 0

    def __post_init__(self) -> None:
        refuse_other_choices(self)
        fields = {name: value for name, value in vars(self).items() if isinstance(value, int | float)}
        rates = [name for name in fields if name.endswith("learning_rate") or name == "backbone_share"]
        counts = [name for name in fields if name not in rates and type(fields[name]) is int and name != "seed"]
        decays = [name for name in fields if name == "weight_decay"]
        must = functools.partial(refuse_unless, self, type(self).__name__)
        must(lambda n: n > 0, "above 0", *rates)
        must(lambda n: n >= 1, "1 or more", *counts)
        must(lambda n: n >= 0, "0 or more", *decays)
        must(lambda n: 0 <= n < 1, "in [0, 1)", "momentum")
        must(lambda n: 0 < n <= 1, "above 0 and at most 1", "judged_share")
        must(lambda n: 0 <= n <= MAX_SEED, f"from 0 to {MAX_SEED}", "seed")


@dataclass(frozen=True)
class _ByEpochs(Settings):
    """Fields of the two recipes for ImageNet: a rate that falls every so many epochs."""

    weight_decay: float = 0.0
    batch: int = 1024
    epochs: int = 100
    decay_every_epochs: int = 30
    decay_ratio: float = 0.2
    runs: int = 1

    def _phase(self, images: int, trains: Literal["head", "all"], rate: float, share: float, train_px: int) -> Phase:
        batch = min(self.batch, images)
        per_epoch = images // batch  # what an epoch has beyond whole batches is left out of it
        falls = range(self.decay_every_epochs, self.epochs, self.decay_every_epochs)
        return Phase(
            trains=trains,
            statistics="batch",
            schedule=StepDecay(rate, tuple(epoch * per_epoch for epoch in falls), self.decay_ratio),
            backbone_share=share,
            batch=batch,
            steps=self.epochs * per_epoch,
            train_px=train_px,
            cut="inception",
            weight_decay=self.weight_decay,
        )


@dataclass(frozen=True)
class ImageNetFrozen(_ByEpochs):
    """A linear classifier on a tower that stays as it is; the defaults are those of the paper's 85.5 %.

    Attributes:
      learning_rate: of the first epochs. [-; ALIGN section 5.4]
      momentum: of SGD. [-; ALIGN section 5.4]
      weight_decay: of kernels. [-; ALIGN section 5.4]
      batch: images a step; as many as there are where the set has fewer. [images; ALIGN section 5.4]
      epochs: passes over the training images. [epochs; ALIGN section 5.4]
      decay_every_epochs, decay_ratio: how often the rate falls and what it is then multiplied by. [epochs, ratio;
        ALIGN section 5.4]
      train_px: side of a training image. [px; ALIGN section 5.4]
      judged_px, judged_share: side of a test image's central crop, and its share of the resized image's side.
        [px, share; ALIGN section 5.4]
      micro_batch: images that go through the tower at a time, with the gradients of the whole batch; null takes all
        at once. [images; ours]
      runs: trainings by other seeds. [runs; ALIGN section 5.4]
      seed: of the first run, from 0 to MAX_SEED. [-; ours]

    Examples:
      >>> (phase,) = ImageNetFrozen().phases(images=1_281_167)
      >>> phase.steps, round(phase.schedule(1251 * 60), 6)
      (125100, 0.004)
    """

    learning_rate: float = 0.1
    train_px: int = 289
    judged_px: int = 360

    def phases(self, images: int) -> tuple[Phase, ...]:
        """Returns the phases of a training on so many images."""
        return (self._phase(images, "head", self.learning_rate, 1.0, self.train_px),)


@dataclass(frozen=True)
class ImageNetFineTuned(_ByEpochs):
    """The classifier first, then the tower too, at a tenth of its rate; the defaults are those of the paper's 88.64 %.

    Attributes:
      head: the recipe of the classifier's phase; its own runs, seed and judged pixels count for nothing.
      learning_rate: of the head in the first epochs of the second phase. [-; ALIGN section 5.4]
      backbone_share: the tower's learning rate over that. [ratio; ALIGN section 5.4]
      train_px: side of a training image in the second phase. [px; ALIGN section 5.4]
      judged_px, judged_share: side of a test image's central crop, and its share of the resized image's side.
        [px, share; ALIGN section 5.4]
      momentum, weight_decay, batch, epochs, decay_every_epochs, decay_ratio, micro_batch, runs, seed: as
        ImageNetFrozen has them, of the second phase. [-, -, images, epochs, epochs, ratio, images, runs, -;
        ALIGN section 5.4]

    Examples:
      >>> [phase.trains for phase in ImageNetFineTuned().phases(images=1_281_167)]
      ['head', 'all']
    """

    head: ImageNetFrozen = ImageNetFrozen()
    learning_rate: float = 0.01
    backbone_share: float = 0.1
    train_px: int = 475
    judged_px: int = 600

    def phases(self, images: int) -> tuple[Phase, ...]:
        """Returns the phases of a training on so many images."""
        then = self._phase(images, "all", self.learning_rate, self.backbone_share, self.train_px)
        return (*self.head.phases(images), then)


@dataclass(frozen=True)
class FineGrained(Settings):
    """The classifier first, then all layers with batch norm's statistics frozen, as for Flowers, Pets, Cars and Food.

    Attributes:
      head_learning_rate, learning_rate: at the start of the first and of the second phase, of head and tower alike,
        then along a cosine to 0. [-; ALIGN section 5.4]
      steps: of each phase. [steps; ALIGN section 5.4]
      batch: images a step; as many as there are where the set has fewer. [images; ALIGN section 5.4]
      weight_decay: of kernels. [-; ALIGN section 5.4]
      momentum: of SGD. [-; ALIGN section 5.4]
      train_px: side of a training image. [px; ALIGN section 5.4]
      judged_px, judged_share: side of a test image's central crop, and its share of the resized image's side.
        [px, share; ALIGN section 5.4]
      micro_batch: images that go through the tower at a time; null takes all at once. [images; ours]
      runs: trainings by other seeds, of which the mean is told. [runs; ALIGN section 5.4]
      seed: of the first run, from 0 to MAX_SEED. [-; ours]

    Examples:
      >>> [(phase.statistics, phase.schedule(0)) for phase in FineGrained().phases(images=2040)]
      [('frozen', 0.01), ('frozen', 0.001)]
    """

    head_learning_rate: float = 1e-2
    learning_rate: float = 1e-3
    steps: int = 20_000
    batch: int = 256
    weight_decay: float = 1e-5
    train_px: int = 289
    judged_px: int = 360
    runs: int = 3

    def phases(self, images: int) -> tuple[Phase, ...]:
        """Returns the phases of a training on so many images."""
        head = Phase(
            trains="head",
            statistics="frozen",
            schedule=Cosine(self.head_learning_rate, self.steps),
            backbone_share=1.0,
            batch=min(self.batch, images),
            steps=self.steps,
            train_px=self.train_px,
            cut="inception",
            weight_decay=self.weight_decay,
        )
        return head, replace(head, trains="all", schedule=Cosine(self.learning_rate, self.steps))
