"""What TensorFlow's C++ calls a dtype in its messages."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.core.framework import types_pb2

_SHORT_NAMES = {tf.half: "half", tf.float32: "float", tf.float64: "double"}  # the others are as Python has them


def short_name(dtype: Any) -> str:
    """Returns a dtype by DataTypeString, such as float or string."""
    return _SHORT_NAMES.get(tf.as_dtype(dtype), str(tf.as_dtype(dtype).name))


def enum_name(dtype: Any) -> str:
    """Returns a dtype by the name of its enum, such as DT_FLOAT."""
    return str(types_pb2.DataType.Name(tf.as_dtype(dtype).as_datatype_enum))
