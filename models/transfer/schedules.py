"""Learning rates of a transfer as plain functions of the step's number, from 0. Imports no framework."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class StepDecay:
    """Rise linearly from 0, then multiply by `ratio` at each boundary.

    Attributes:
      rate: after the rise and before the first boundary.
      boundaries: the first steps of a lower rate.
      ratio: of a rate to the one before.
      warmup: steps of the rise; 0 starts at `rate`.

    Examples:
      >>> schedule = StepDecay(rate=0.1, boundaries=(3, 6), ratio=0.2)
      >>> [round(schedule(step), 4) for step in (0, 2, 3, 5, 6)]
      [0.1, 0.1, 0.02, 0.02, 0.004]
    """

    rate: float
    boundaries: tuple[int, ...]
    ratio: float
    warmup: int = 0

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return self.rate * step / self.warmup
        return self.rate * self.ratio ** sum(boundary <= step for boundary in self.boundaries)


@dataclass(frozen=True)
class Cosine:
    """Fall from `rate` to 0 at `steps` along half a wave.

    Attributes:
      rate: of step 0.
      steps: where it would be 0, one past the last step.

    Examples:
      >>> [round(Cosine(rate=0.1, steps=4)(step), 4) for step in range(4)]
      [0.1, 0.0854, 0.05, 0.0146]

    Reference:
      Loshchilov and Hutter, SGDR, arXiv:1608.03983, without restarts.
    """

    rate: float
    steps: int

    def __call__(self, step: int) -> float:
        return self.rate * 0.5 * (1 + math.cos(math.pi * step / self.steps))
