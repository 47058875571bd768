"""AdamW: Adam with weight decay that its moments do not see."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from models.optimizers.guarded_optimizer import GuardedOptimizer


@keras.saving.register_keras_serializable(package="align")
class AdamW(GuardedOptimizer):
    """Step each weight by Adam's direction and shrink it.

        m = b1 m + (1 - b1) g            v = b2 v + (1 - b2) g^2
        w = w - lr ((m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay w)

    Our own, on every device: Keras's moves moments and decays weights in every step, so it cannot leave them bit for
    bit as they are in a step that is not taken.

    Its arguments are those of GuardedOptimizer; `weight_decay` is decay above.

    Examples:
      >>> weight, optimizer = keras.Variable([1.0, 2.0]), AdamW(learning_rate=0.1)
      >>> optimizer.build([weight])
      >>> norm = optimizer.step([tf.constant([3.0, -4.0])], [weight])
      >>> float(norm), [round(float(each), 3) for each in weight.numpy()]
      (5.0, [0.9, 2.1])

    Reference:
      Loshchilov and Hutter, Decoupled Weight Decay Regularization, algorithm 2, arXiv:1711.05101.
    """

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
