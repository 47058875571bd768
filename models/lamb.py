"""LAMB as published: weight decay inside the trust ratio, vectors left out of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

NOT_ADAPTED = ("bias", "beta", "gamma")  # biases and the parameters of batch and layer norm


@keras.saving.register_keras_serializable(package="align")
class Lamb(keras.optimizers.Optimizer):
    """Step each weight by Adam's direction, scaled to the weight's own norm.

        m = b1 m + (1 - b1) g            v = b2 v + (1 - b2) g^2
        r = (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) + decay w
        w = w - lr (|w| / |r|) r,        with ratio 1 where a norm is 0

    keras.optimizers.Lamb differs in two ways: it subtracts lr * decay * w before the step, outside of the ratio; and it
    scales biases and norm parameters too, where the authors' own code steps them as Adam does. Here weights named in
    `not_adapted` have ratio 1 and no decay; those in `not_decayed` have the ratio but no decay. A positive scalar under
    the ratio moves by the share lr of itself, so it stays positive.

    Args:
      learning_rate: peak or schedule.
      weight_decay: `decay` above.
      beta_1, beta_2, epsilon: Adam's b1, b2, eps.
      not_adapted: names of weights with neither ratio nor decay.
      not_decayed: names of weights with ratio but without decay.

    Reference:
      You et al., Large Batch Optimization for Deep Learning, algorithm 2, arXiv:1904.00962.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        weight_decay: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        not_adapted: Sequence[str] = NOT_ADAPTED,
        not_decayed: Sequence[str] = (),
        name: str = "lamb",
        **kwargs: Any,
    ) -> None:
        kwargs.pop("weight_decay", None)
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.decay = weight_decay  # not the base class's weight_decay, which is applied outside of the ratio
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.not_adapted = tuple(not_adapted)
        self.not_decayed = tuple(not_decayed)

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        self._m = self.add_optimizer_variables(variables, "momentum")
        self._v = self.add_optimizer_variables(variables, "velocity")
        self._adapts = [variable.name not in self.not_adapted for variable in variables]
        self._decays = [variable.name not in self.not_adapted + self.not_decayed for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        m, v = self._m[index], self._v[index]
        dtype = variable.dtype
        gradient = ops.cast(tf.convert_to_tensor(gradient), dtype)  # an embedding's is sparse, its rows not yet summed
        learning_rate = ops.cast(learning_rate, dtype)
        t = ops.cast(self.iterations + 1, dtype)
        new_m = m + (gradient - m) * (1 - self.beta_1)
        new_v = v + (ops.square(gradient) - v) * (1 - self.beta_2)
        self.assign(m, new_m)
        self.assign(v, new_v)

        unbiased_m = new_m / (1 - ops.power(ops.cast(self.beta_1, dtype), t))
        unbiased_v = new_v / (1 - ops.power(ops.cast(self.beta_2, dtype), t))
        direction = unbiased_m / (ops.sqrt(unbiased_v) + self.epsilon)
        if self._decays[index]:
            direction = direction + self.decay * variable
        if self._adapts[index]:
            learning_rate = learning_rate * _trust_ratio(variable, direction)
        self.assign_sub(variable, learning_rate * direction)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "weight_decay": self.decay,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "not_adapted": self.not_adapted,
            "not_decayed": self.not_decayed,
        }


def _trust_ratio(variable: Any, direction: Any) -> Any:
    """Returns the scalar |w| / |r|, or 1 where either is 0."""
    variable_norm = ops.sqrt(ops.sum(ops.square(variable)))
    direction_norm = ops.sqrt(ops.sum(ops.square(direction)))
    moves = ops.logical_and(variable_norm > 0, direction_norm > 0)
    return ops.where(moves, variable_norm / ops.where(moves, direction_norm, 1.0), 1.0)
