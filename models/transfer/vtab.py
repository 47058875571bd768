"""VTAB-1k's protocol: a sweep on 800 images judged on 200, then the best trial again on all 1000. Imports no framework.

The published code (google-research/task_adaptation) has one setting and no sweep: SGD with momentum 0.9, batches of 64
or 512, a rate of 0.01 that falls tenfold at 30, 60 and 90 % of 1000 or 2500 steps and rises over the first 8 %, whole
images resized to 224 px, a head of zeros. The sweep draws around it. We differ: ALIGN sweeps as appendix I of VTAB's
paper does, which that code does not hold; the ranges here are ours, the same for all tasks, and each is a field.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from components.config_fields import refuse_unless
from models.transfer.recipes import Cut, Phase, Settings
from models.transfer.schedules import StepDecay

FALLS, FALL_RATIO, WARMUP = (0.3, 0.6, 0.9), 0.1, 0.08  # shares of the steps; scripts/run_all_tasks.sh


@dataclass(frozen=True)
class Trial:
    """What a sweep draws.

    Attributes:
      learning_rate: after the rise.
      steps, batch, weight_decay, cut: as a Phase has them.
    """

    learning_rate: float
    steps: int
    batch: int
    weight_decay: float
    cut: Cut


@dataclass(frozen=True)
class Vtab(Settings):
    """How each of the 19 tasks is learnt; all layers are trained, batch norm by the batch's statistics.

    Attributes:
      trials: of the sweep. [trials; ALIGN section 5.4]
      runs: trainings on all 1000 images by other seeds. [runs; ALIGN section 5.4]
      least_learning_rate, greatest_learning_rate: between which a trial's rate is drawn, evenly on a logarithmic
        scale. [-; ours]
      steps, batches, weight_decays, cuts: of which a trial draws one each.
      px: side of images, in training and judged. [px; arXiv:1910.04867]
      judged_share: side of a test image's central crop over that of the resized image. [share; arXiv:1910.04867]
      momentum: of SGD. [-; arXiv:1910.04867]
      micro_batch: images that go through the tower at a time; null takes all at once. [images; ours]
      seed: of the trials, which are drawn by it, and of the first run; from 0 to MAX_SEED. [-; ours]

    Examples:
      >>> 1e-3 <= Vtab().trial(0).learning_rate <= 1e-1
      True
      >>> Vtab(trials=60).trial(7) == Vtab(trials=50).trial(7)
      True
    """

    trials: int = 50
    runs: int = 3
    least_learning_rate: float = 1e-3
    greatest_learning_rate: float = 1e-1
    steps: tuple[int, ...] = (1000, 2500)
    batches: tuple[int, ...] = (64, 512)
    weight_decays: tuple[float, ...] = (0.0, 1e-5, 1e-4, 1e-3)
    cuts: tuple[Cut, ...] = ("whole", "inception")
    px: int = 224
    judged_share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("steps", "batches", "weight_decays", "cuts"):
            refuse_unless(self, "Vtab", lambda each: len(each) > 0, "a list of one or more", name)
        refuse_unless(self, "Vtab", lambda each: min(each) >= 1, "of 1 or more each", "steps", "batches")
        refuse_unless(self, "Vtab", lambda each: min(each) >= 0, "of 0 or more each", "weight_decays")
        if self.least_learning_rate > self.greatest_learning_rate:
            raise ValueError(
                f"Vtab.least_learning_rate is {self.least_learning_rate}, above Vtab.greatest_learning_rate = "
                f"{self.greatest_learning_rate}; set it below"
            )

    @property
    def judged_px(self) -> int:
        """Side of a test image."""
        return self.px

    def trial(self, number: int) -> Trial:
        """Returns trial `number`, from 0; it is the same however many there are."""
        draw = random.Random(f"{self.seed}/{number}")
        low, high = math.log(self.least_learning_rate), math.log(self.greatest_learning_rate)
        return Trial(
            learning_rate=math.exp(draw.uniform(low, high)),
            steps=draw.choice(self.steps),
            batch=draw.choice(self.batches),
            weight_decay=draw.choice(self.weight_decays),
            cut=draw.choice(self.cuts),
        )

    def phases(self, images: int, trial: Trial) -> tuple[Phase, ...]:
        """Returns the phases of a training on so many images by a trial's settings."""
        falls = tuple(round(share * trial.steps) for share in FALLS)
        return (
            Phase(
                trains="all",
                statistics="batch",
                schedule=StepDecay(trial.learning_rate, falls, FALL_RATIO, round(WARMUP * trial.steps)),
                backbone_share=1.0,
                batch=min(trial.batch, images),
                steps=trial.steps,
                train_px=self.px,
                cut=trial.cut,
                weight_decay=trial.weight_decay,
            ),
        )
