"""A part of a TensorFlow graph that XLA compiles, on CPUs too: for what is elementwise, one pass over memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def compiled(function: Callable[..., tf.Tensor]) -> Callable[..., Any]:
    """Returns a function of tensors as one kernel for each shape it meets.

    Args:
      function: of tensors, which reads no variables.
    """
    traced = tf.function(function, autograph=False, jit_compile=True)
    # Called by itself it would warn of each further shape, and a tower has dozens.
    return lambda *tensors: traced.get_concrete_function(*tensors)(*tensors)
