"""What both optimizers share: Adam's moments of gradients that are summed over replicas, clipped by their global norm,
and left unused where they are not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

NOT_ADAPTED = ("bias", "beta", "gamma")  # biases and the parameters of batch and layer norm


class GuardedOptimizer(keras.optimizers.Optimizer):
    """Step by the gradients of the global batch.

    Keras sums gradients over replicas inside `apply`, after it clipped each replica's own, whose norms say nothing of
    the sum's. Here they are summed first. Where the sum is not finite, `taken` is 0 instead of 1 and multiplies every
    change: weights and moments stay bit for bit as they are, on all replicas alike and without a branch, so that a TPU
    can compile it. The count of steps goes on, and with it the schedule.

    Args:
      learning_rate: peak or schedule.
      weight_decay: of the weights, used by subclasses as their papers have it.
      clip_norm: greatest global norm of the gradients; None never clips.
      beta_1, beta_2, epsilon: Adam's b1, b2, eps.
      not_decayed: names of weights without decay.
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
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)  # whose own decay would shrink weights in any step
        self.decay = weight_decay
        self.clip_norm = clip_norm
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.not_decayed = tuple(not_decayed)
        self.taken: Any = 1.0

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._m = self.add_optimizer_variables(variables, "momentum")
        self._v = self.add_optimizer_variables(variables, "velocity")
        self._decays = [variable.name not in self.not_decayed for variable in variables]
        self.skipped_steps = keras.Variable(
            0, dtype="int32", trainable=False, aggregation="only_first_replica", name="skipped_steps"
        )
        self._track_variable(self.skipped_steps)

    def step(self, gradients: Sequence[Any], variables: Sequence[keras.Variable]) -> tf.Tensor:
        """Take one step, or skip it; called in each replica.

        Args:
          gradients: of this replica's share of the global loss, so that their sum over replicas is the gradient of the
            global batch; None for a variable that the loss does not depend on.
          variables: what they are gradients of.

        Returns:
          Scalar, the global norm of the summed gradients before clipping.
        """
        known = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        summed = [tf.convert_to_tensor(g) for g, _ in known]  # an embedding's is sparse, its rows not yet summed
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            summed = context.all_reduce(tf.distribute.ReduceOp.SUM, summed)
        norm = tf.linalg.global_norm(summed)
        finite = tf.math.is_finite(norm)
        self.taken = tf.where(finite, 1.0, 0.0)
        scale = 1.0 if self.clip_norm is None else tf.minimum(1.0, self.clip_norm / norm)
        scale = tf.where(finite, scale, 0.0)  # not a product: a norm that is no number would stay one
        self.skipped_steps.assign_add(tf.where(finite, 0, 1))
        self.apply([tf.math.multiply_no_nan(g, scale) for g in summed], [v for _, v in known])
        return norm

    def update_moments(self, gradient: Any, index: int) -> tuple[Any, Any]:
        """Average a gradient and its square into the moments of variable `index`; returns both without their bias."""
        m, v = self._m[index], self._v[index]
        t = ops.cast(self.iterations + 1, m.dtype)
        new_m = m + (gradient - m) * ((1 - self.beta_1) * self.taken)
        new_v = v + (ops.square(gradient) - v) * ((1 - self.beta_2) * self.taken)
        self.assign(m, new_m)
        self.assign(v, new_v)
        return new_m / (1 - ops.power(self.beta_1, t)), new_v / (1 - ops.power(self.beta_2, t))

    def _all_reduce_sum_gradients(self, grads_and_vars: Sequence[tuple[Any, Any]]) -> Sequence[tuple[Any, Any]]:
        return grads_and_vars  # `step` has summed them

    def get_config(self) -> dict[str, Any]:
        names = ("clip_norm", "beta_1", "beta_2", "epsilon", "not_decayed")
        return {**super().get_config(), "weight_decay": self.decay, **{name: getattr(self, name) for name in names}}
