"""LAMB as published: weight decay inside the trust ratio, vectors left out of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from models.optimizers.guarded_optimizer import NOT_ADAPTED, GuardedOptimizer


@keras.saving.register_keras_serializable(package="align")
class Lamb(GuardedOptimizer):
    """Step each weight by Adam's direction, scaled to the weight's own norm.

        m = b1 m + (1 - b1) g            v = b2 v + (1 - b2) g^2
        r = (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay w
        w = w - lr (|w| / |r|) r,        with ratio 1 where a norm is 0

    keras.optimizers.Lamb differs in two ways: it subtracts lr * decay * w before the step, outside of the ratio; and it
    scales biases and norm parameters too, where the authors' own code steps them as Adam does. Here weights named in
    `not_adapted` have ratio 1 and no decay; those in `not_decayed` have the ratio but no decay. A positive scalar under
    the ratio moves by the share lr of itself, so it stays positive.

    Args:
      learning_rate, weight_decay, clip_norm, epsilon, **kwargs: of GuardedOptimizer; `weight_decay` is decay above.
      not_adapted: names of weights with neither ratio nor decay.
      not_decayed: names of weights with ratio but without decay.

    Examples:
      >>> weight, optimizer = keras.Variable([1.0, 2.0]), Lamb(learning_rate=0.1)
      >>> optimizer.build([weight])
      >>> norm = optimizer.step([ops.convert_to_tensor([3.0, -4.0])], [weight])
      >>> [round(float(each), 3) for each in weight.numpy()]
      [0.842, 2.158]

    Reference:
      You et al., Large Batch Optimization for Deep Learning, algorithm 2, arXiv:1904.00962.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        *,
        epsilon: float = 1e-6,
        not_adapted: Sequence[str] = NOT_ADAPTED,
        not_decayed: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay, clip_norm, epsilon=epsilon, not_decayed=not_decayed, **kwargs)
        self.not_adapted = tuple(not_adapted)

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._adapts = [variable.name not in self.not_adapted for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        m, v = self.update_moments(ops.cast(gradient, variable.dtype), index)
        direction = m / (ops.sqrt(v) + self.epsilon)
        if self._adapts[index] and self._decays[index]:
            direction = direction + self.decay * variable
        rate = ops.cast(learning_rate, variable.dtype) * self.taken
        if self._adapts[index]:
            rate = rate * _trust_ratio(variable, direction)
        self.assign_sub(variable, rate * direction)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "not_adapted": self.not_adapted}


def _trust_ratio(variable: Any, direction: Any) -> Any:
    """Returns the scalar |w| / |r|, or 1 where either is 0."""
    variable_norm = ops.sqrt(ops.sum(ops.square(variable)))
    direction_norm = ops.sqrt(ops.sum(ops.square(direction)))
    moves = ops.logical_and(variable_norm > 0, direction_norm > 0)
    return ops.where(moves, variable_norm / ops.where(moves, direction_norm, 1.0), 1.0)
