"""Between TensorProto messages and NumPy arrays, checked against a signature."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

MAX_ELEMENTS = 2**28  # a message may state any shape over one repeated value; beyond this it is refused

# The typed field of each dtype. TensorFlow Serving answers in these rather than in tensor_content, and clients in
# other languages read them.
_FIELDS = {
    tf.float32: "float_val",
    tf.float64: "double_val",
    tf.int32: "int_val",
    tf.int64: "int64_val",
    tf.bool: "bool_val",
    tf.string: "string_val",
}


def from_proto(proto: Any) -> np.ndarray:
    """Decode a TensorProto; strings become an object array of bytes.

    Raises:
      ValueError: for a message whose dtype, shape and values do not make a tensor.
    """
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise ValueError(f"shape {sizes} is not fully known")
    if math.prod(sizes) > MAX_ELEMENTS:
        raise ValueError(f"shape {sizes} has more than {MAX_ELEMENTS} elements")
    try:
        return tf.make_ndarray(proto)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"dtype, shape and values do not agree ({error})") from error


def to_proto(array: np.ndarray) -> Any:
    """Returns an array as a TensorProto, its values in the dtype's own field."""
    dtype = tf.as_dtype(array.dtype)
    if dtype not in _FIELDS:
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, tensor_shape=tf.TensorShape(array.shape).as_proto())
    getattr(proto, _FIELDS[dtype]).extend(array.ravel().tolist())
    return proto


def check(array: np.ndarray, info: Any) -> None:
    """Check an array against a signature's TensorInfo.

    Raises:
      ValueError: for another dtype or a shape that does not fit, with both.
    """
    expected, given = tf.as_dtype(info.dtype), tf.as_dtype(array.dtype)
    if given != expected:
        raise ValueError(f"Expects {expected.name} but {given.name} is provided")
    if not tf.TensorShape(info.tensor_shape).is_compatible_with(array.shape):
        stated = ["?" if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
        shape = "[" + ",".join(map(str, stated)) + "]"
        raise ValueError(f"Expects shape {shape} but {list(array.shape)} is provided")
