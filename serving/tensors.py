"""Between TensorProto messages and NumPy arrays, as TensorFlow's own Tensor::FromProto and AsProtoField have it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

MAX_FILLED_BYTES = 2**26  # a message of a few bytes may state any shape over one repeated value; beyond it is refused
_WIRE_BYTES = 2  # protobuf's wire type of a field that is a length and so many bytes

# The typed field of each dtype. TensorFlow Serving answers in these rather than in tensor_content, and clients in
# other languages read them.
_FIELDS = {
    tf.float32: "float_val",
    tf.float64: "double_val",
    tf.int8: "int_val",
    tf.int16: "int_val",
    tf.int32: "int_val",
    tf.uint8: "int_val",
    tf.uint16: "int_val",
    tf.uint32: "uint32_val",
    tf.int64: "int64_val",
    tf.uint64: "uint64_val",
    tf.bool: "bool_val",
    tf.string: "string_val",
    tf.half: "half_val",
    tf.bfloat16: "half_val",
    tf.complex64: "scomplex_val",
    tf.complex128: "dcomplex_val",
}
_AS_IN_MEMORY = {tf.float32, tf.float64, tf.complex64, tf.complex128}  # the field's bytes are the array's own


def from_proto(proto: Any) -> np.ndarray:
    """Decode a TensorProto; strings become an object array of bytes.

    A shape over fewer values than it holds repeats the last one, and one over none is of zeros or empty strings.

    We differ: more values than the shape holds, and values in another dtype's field, are refused. TensorFlow drops them
    in silence, and computes with zeros.

    Raises:
      ValueError: for a message whose dtype, shape and values do not make a tensor.
    """
    sizes = [dim.size for dim in proto.tensor_shape.dim]
    if proto.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise ValueError(f"shape {sizes} is not fully known")
    count = math.prod(sizes)
    try:
        dtype = np.dtype(tf.as_dtype(proto.dtype).as_numpy_dtype)
        field = _FIELDS.get(tf.as_dtype(proto.dtype))
        stated = len(getattr(proto, field)) if field else count
        others = sorted(name for name in set(_FIELDS.values()) - {field} if field and getattr(proto, name))
        if others:
            raise ValueError(f"its values stand in {', '.join(others)}, not in {field}")
        if count == 0 and (proto.tensor_content or (field and stated)):
            raise ValueError(f"shape {sizes} holds no values, and some came")
        if not proto.tensor_content and stated < count and count * dtype.itemsize > MAX_FILLED_BYTES:
            raise ValueError(f"shape {sizes} over {stated} values takes more than {MAX_FILLED_BYTES} bytes")
        if count == 0 or (stated == 0 and not proto.tensor_content):
            return np.full(sizes, b"", object) if field == "string_val" else np.zeros(sizes, dtype)
        if field == "string_val" and proto.tensor_content:
            return np.asarray(tf.io.parse_tensor(proto.SerializeToString(), tf.string).numpy(), object)
        array = tf.make_ndarray(proto)
        if field == "bool_val":  # a byte of 2 is neither True nor False to NumPy
            return np.asarray(array.view(np.uint8).astype(bool))
        return np.asarray(array)
    except (TypeError, ValueError, KeyError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(f"dtype, shape and values do not agree ({error})") from error


def to_proto(array: np.ndarray) -> Any:
    """Returns an array as a TensorProto, its values in the dtype's own field."""
    dtype = tf.as_dtype(array.dtype)
    field = _FIELDS.get(dtype)
    if field is None:
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, tensor_shape=tf.TensorShape(array.shape).as_proto())
    if dtype in _AS_IN_MEMORY:  # a tenth of the time that a list of Python's floats takes
        number = tensor_pb2.TensorProto.DESCRIPTOR.fields_by_name[field].number
        packed = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        proto.MergeFromString(_varint(number << 3 | _WIRE_BYTES) + _varint(len(packed)) + packed)
    else:
        values = array.view(np.uint16) if field == "half_val" else array
        getattr(proto, field).extend(values.ravel().tolist())
    return proto


def _varint(number: int) -> bytes:
    """Returns protobuf's encoding of a number: 7 bits a byte, the lowest first, the highest bit set but in the last."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
