"""The optimizer under a linear rise and a linear fall: LAMB, as ALIGN section 5.1 has it, or AdamW."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from models.optimizers.adamw import AdamW
from models.optimizers.guarded_optimizer import NOT_ADAPTED, GuardedOptimizer
from models.optimizers.lamb import Lamb
from models.training_config import TrainingConfig

TEMPERATURE = "temperature"  # the weight of that name


def build_optimizer(training: TrainingConfig) -> GuardedOptimizer:
    """Returns the configured optimizer; biases, norm parameters and the temperature are stepped but not decayed."""
    schedule = WarmupThenLinearDecay(training.learning_rate, training.warmup_steps, training.steps)
    decay, clip_norm = training.weight_decay, training.clip_norm
    if training.optimizer == "lamb":
        return Lamb(schedule, decay, clip_norm, not_decayed=(TEMPERATURE,))
    return AdamW(schedule, decay, clip_norm, not_decayed=(*NOT_ADAPTED, TEMPERATURE))


@keras.saving.register_keras_serializable(package="align")
class WarmupThenLinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rise from 0 to the peak over the warm-up, then fall to 0 at the last step, both linearly.

        rate(step) = peak * min(step / warmup_steps, (steps - step) / (steps - warmup_steps)), not below 0

    Args:
      peak: greatest rate.
      warmup_steps: steps of the rise; 0 starts at the peak.
      steps: where the rate is 0 again.
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
