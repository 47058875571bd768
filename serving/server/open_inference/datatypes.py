"""The datatypes of the Open Inference Protocol, and tensors as its bytes: row-major, little-endian, without padding.

BYTES is each string behind its length in four bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from serving.server.refusal import invalid_argument

MAX_RANK = 32  # NumPy's before 2.0
MAX_SIZE = 2**40  # also of an empty one: NumPy multiplies the other sizes
BYTES = "BYTES"
_DTYPES = {
    "BOOL": tf.bool,
    "UINT8": tf.uint8,
    "UINT16": tf.uint16,
    "UINT32": tf.uint32,
    "UINT64": tf.uint64,
    "INT8": tf.int8,
    "INT16": tf.int16,
    "INT32": tf.int32,
    "INT64": tf.int64,
    "FP16": tf.float16,
    "FP32": tf.float32,
    "FP64": tf.float64,
    "BF16": tf.bfloat16,
    BYTES: tf.string,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_WIDE = (tf.bool, tf.int64, tf.uint64)  # whose values a wider dtype would change
_LENGTH = struct.Struct("<I")


def datatype_of(dtype: tf.DType) -> str:
    """Returns the protocol's name of a dtype; raises Refusal for one that it has none of."""
    if dtype not in _NAMES:
        raise invalid_argument(f"the Open Inference Protocol has no datatype for {dtype.name}")
    return _NAMES[dtype]


def dtype_of(datatype: str, name: str) -> tf.DType:
    """Returns the dtype of an input's datatype; raises Refusal for an unknown one."""
    if datatype not in _DTYPES:
        raise invalid_argument(f"input {name}: datatype {datatype!r} is none of {', '.join(_DTYPES)}")
    return _DTYPES[datatype]


def check_shape(shape: Sequence[Any], name: str) -> tuple[int, ...]:
    """Returns an input's shape, or raises Refusal where it is none."""
    if not all(type(size) is int and size >= 0 for size in shape):
        raise invalid_argument(f"input {name}: shape {list(shape)} is not made of whole numbers from 0 on")
    if len(shape) > MAX_RANK or math.prod(size for size in shape if size) > MAX_SIZE:
        raise invalid_argument(f"input {name}: shape {list(shape)} is past {MAX_RANK} dimensions or {MAX_SIZE} values")
    return tuple(shape)


def from_bytes(raw: bytes, dtype: tf.DType, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Returns an input's tensor; raises Refusal where the bytes do not fill its shape exactly."""
    count = math.prod(shape)
    if dtype == tf.string:
        return _filled(_strings(raw, name), shape, name)
    kind = np.dtype(dtype.as_numpy_dtype)
    if len(raw) != count * kind.itemsize:
        raise invalid_argument(
            f"input {name}: {len(raw)} bytes came for the shape {list(shape)} of {datatype_of(dtype)}, which takes "
            f"{count * kind.itemsize}"
        )
    array = np.frombuffer(raw, np.uint8 if dtype == tf.bool else kind)
    return (array != 0 if dtype == tf.bool else array).reshape(shape)


def to_bytes(array: np.ndarray) -> bytes:
    """Returns a tensor as bytes."""
    if array.dtype.kind in "OSU":
        return b"".join(_LENGTH.pack(len(value)) + value for value in array.ravel().tolist())
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()


def from_values(values: Sequence[Any], dtype: tf.DType, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Returns a tensor of the values of a typed field; raises Refusal where they do not fill its shape."""
    if dtype == tf.string:
        return _filled(list(values), shape, name)
    if len(values) != math.prod(shape):
        raise _of_another_number(len(values), shape, name)
    array = np.array(values, dtype.as_numpy_dtype if dtype.is_floating or dtype in _WIDE else np.int64)
    return narrowed(array, dtype, name).reshape(shape)


def narrowed(array: np.ndarray, dtype: tf.DType, name: str) -> np.ndarray:
    """Returns an input's values in its dtype; raises Refusal for a number that is beyond what the dtype has."""
    with np.errstate(over="ignore"):
        converted = array.astype(dtype.as_numpy_dtype, copy=False)
    became_infinite = dtype.is_floating and np.any(np.isinf(converted) & ~np.isinf(array))
    if became_infinite or (dtype.is_integer and not np.array_equal(converted, array)):
        raise invalid_argument(f"input {name}: a value is beyond {datatype_of(dtype)}")
    return converted


def _filled(strings: list[bytes], shape: tuple[int, ...], name: str) -> np.ndarray:
    if len(strings) != math.prod(shape):
        raise _of_another_number(len(strings), shape, name)
    array = np.empty(len(strings), object)
    array[:] = strings
    return array.reshape(shape)


def _strings(raw: bytes, name: str) -> list[bytes]:
    strings, at = [], 0
    while at < len(raw):
        end = at + _LENGTH.size
        if end > len(raw) or (end := end + _LENGTH.unpack_from(raw, at)[0]) > len(raw):
            raise invalid_argument(f"input {name}: a string ends past its {len(raw)} bytes")
        strings.append(raw[at + _LENGTH.size : end])
        at = end
    return strings


def _of_another_number(count: int, shape: tuple[int, ...], name: str) -> Exception:
    return invalid_argument(
        f"input {name}: {count} values came for the shape {list(shape)}, which takes {math.prod(shape)}"
    )
