"""AdamW: Adam with weight decay that its moments do not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from models.guarded_optimizer import NOT_ADAPTED, GuardedOptimizer


@keras.saving.register_keras_serializable(package="align")
class AdamW(GuardedOptimizer):
    """Step each weight by Adam's direction and shrink it.

        m = b1 m + (1 - b1) g            v = b2 v + (1 - b2) g^2
        w = w - lr ((m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay w)

    Args:
      learning_rate: peak or schedule.
      weight_decay: `decay` above.
      clip_norm: greatest global norm of the gradients; None never clips.
      beta_1, beta_2, epsilon: Adam's b1, b2, eps.
      not_decayed: names of weights without decay.

    Reference:
      Loshchilov and Hutter, Decoupled Weight Decay Regularization, algorithm 2, arXiv:1711.05101.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        not_decayed: Sequence[str] = NOT_ADAPTED,
        name: str = "adamw",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            decay=weight_decay,
            clip_norm=clip_norm,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            not_decayed=not_decayed,
            name=name,
            **kwargs,
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        m, v = self.update_moments(ops.cast(gradient, variable.dtype), index)
        direction = m / (ops.sqrt(v) + self.epsilon)
        if self._decays[index]:
            direction = direction + self.decay * variable
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * self.taken * direction)
