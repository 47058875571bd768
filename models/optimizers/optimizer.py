"""The configured optimizer under its schedule: LAMB, as ALIGN section 5.1 has it, or AdamW."""

from __future__ import annotations

from models.optimizers.adamw import AdamW
from models.optimizers.guarded_optimizer import NOT_ADAPTED, GuardedOptimizer
from models.optimizers.lamb import Lamb
from models.optimizers.schedule import WarmupThenLinearDecay
from models.training_config import TrainingConfig

TEMPERATURE = "temperature"  # the weight of that name


def build_optimizer(training: TrainingConfig) -> GuardedOptimizer:
    """Returns the configured optimizer; biases, norm parameters and the temperature are stepped but not decayed."""
    schedule = WarmupThenLinearDecay(training.learning_rate, training.warmup_steps, training.steps)
    decay, clip_norm = training.weight_decay, training.clip_norm
    if training.optimizer == "lamb":
        return Lamb(schedule, decay, clip_norm, not_decayed=(TEMPERATURE,))
    return AdamW(schedule, decay, clip_norm, not_decayed=(*NOT_ADAPTED, TEMPERATURE))
