"""The learning rate over the steps: a linear rise and a linear fall."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="align")
class WarmupThenLinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rise from 0 to the peak over the warm-up, then fall to 0 at the last step, both linearly.

        rate(step) = peak * min(step / warmup_steps, (steps - step) / (steps - warmup_steps)), not below 0

    Args:
      peak: greatest rate.
      warmup_steps: steps of the rise; 0 starts at the peak.
      steps: where the rate is 0 again.

    Examples:
      >>> rate = WarmupThenLinearDecay(peak=0.1, warmup_steps=2, steps=6)
      >>> [round(float(rate(step)), 3) for step in range(7)]
      [0.0, 0.05, 0.1, 0.075, 0.05, 0.025, 0.0]
    """

    def __init__(self, peak: float, warmup_steps: int, steps: int) -> None:
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        fall = (self.steps - step) / max(self.steps - self.warmup_steps, 1)
        rise = step / self.warmup_steps if self.warmup_steps else ops.ones_like(step)
        return self.peak * ops.maximum(ops.minimum(rise, fall), 0.0)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup_steps": self.warmup_steps, "steps": self.steps}
