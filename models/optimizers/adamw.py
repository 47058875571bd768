"""AdamW: Adam with weight decay that its moments do not see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from models.optimizers.guarded_optimizer import NOT_ADAPTED, GuardedOptimizer


@keras.saving.register_keras_serializable(package="align")
class AdamW(GuardedOptimizer):
    """Step each weight by Adam's direction and shrink it.

        m = b1 m + (1 - b1) g            v = b2 v + (1 - b2) g^2
        w = w - lr ((m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay w)

    Our own, on every device: Keras's moves moments and decays weights in every step, so it cannot leave them bit for
    bit as they are in a step that is not taken.

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

    def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
        t = tf.cast(self.iterations + 1, tf.float32)
        self._powers = self.beta_1**t, self.beta_2**t  # once a step, not once a weight
        # A step that is not taken has b1 = b2 = 1 and no rate.
        self._betas = 1 - (1 - self.beta_1) * self.taken, 1 - (1 - self.beta_2) * self.taken
        self._rate = tf.cast(self._get_current_learning_rate(), tf.float32) * self.taken
        self._shrinkage = 1 - self._rate * self.decay
        # The operation adds its epsilon to sqrt(v), where Adam's is added to sqrt(v / (1 - b2^t)).
        self._epsilon = self.epsilon * tf.sqrt(1 - self._powers[1])
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        if self._decays[index]:
            variable.assign(variable * self._shrinkage)
        tf.raw_ops.ResourceApplyAdam(  # one pass over memory in place of twenty
            var=variable.handle,
            m=self._m[index].value.handle,
            v=self._v[index].value.handle,
            beta1_power=self._powers[0],
            beta2_power=self._powers[1],
            lr=self._rate,
            beta1=self._betas[0],
            beta2=self._betas[1],
            epsilon=self._epsilon,
            grad=gradient,
        )
