"""From JSON values to arrays, with TensorFlow Serving's words for what does not make one (util/json_tensor.cc).

`to_array` looks at whole levels of nested lists at once. What it cannot take goes value by value through `walk`, which
says what is wrong where.
"""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import suppress
from itertools import chain
from typing import Any

import grpc
import numpy as np
import tensorflow as tf

from serving.server.refusal import Refusal, invalid_argument
from serving.server.rest.debug_text import debug_text, type_name

MAX_RANK = 32  # NumPy's before 2.0; TensorFlow's is 254
BASE64 = "b64"

_INT32 = (-(2**31), 2**31 - 1)
_RANGES = {  # dtype -> what a whole number of JSON may be; the small ones wrap around, as TensorFlow Serving's do
    tf.int8: _INT32,
    tf.int16: _INT32,
    tf.int32: _INT32,
    tf.uint8: _INT32,
    tf.int64: (-(2**63), 2**63 - 1),
    tf.uint32: (0, 2**32 - 1),
    tf.uint64: (0, 2**64 - 1),
}
_FLOATS = (tf.float32, tf.float64)
_LOOSE_BASE64 = re.compile(r"([A-Za-z0-9+/]*)([=.]*)")


def to_array(value: Any, dtype: tf.DType) -> np.ndarray:
    """Returns nested lists as an array; strings as an object array of bytes.

    Args:
      value: what `rapid_json.parse` gave: lists, numbers, strings, {"b64": ...}.
      dtype: of the array.

    Raises:
      Refusal: for lists of unequal length, and values that are not of the dtype.
    """
    level, shape = [value], []
    while level and set(map(type, level)) == {list}:
        lengths = set(map(len, level))
        if len(lengths) > 1:
            break
        shape.append(lengths.pop())
        level = list(chain.from_iterable(level))
    leaves = _leaves(level, dtype) if len(shape) <= MAX_RANK else None
    if leaves is None:
        shape = dense_shape(value)
        if len(shape) > MAX_RANK:
            raise invalid_argument(f"Lists nest {len(shape)} deep; at most {MAX_RANK} is supported")
        values: list[Any] = []
        walk(value, 0, dtype, shape, values)
        leaves = _filled(values, dtype)
    return leaves.reshape(shape)


def dense_shape(value: Any) -> list[int]:
    """Returns the lengths of nested lists, by the first item of each."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def walk(value: Any, level: int, dtype: tf.DType, shape: list[int], values: list[Any]) -> None:
    """Append what nested lists hold to `values`, in order, or raise Refusal at the first that does not fit."""
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {debug_text(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        values.append(_scalar(value, dtype))
        return
    if level >= len(shape):
        raise invalid_argument(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        walk(item, level + 1, dtype, shape, values)


def is_base64_object(value: Any) -> bool:
    """Says whether a JSON value is {"b64": "<text>"}, the form of bytes."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get(BASE64), str)


def decode_base64(text: str) -> bytes:
    """Returns the bytes of a base64 text; white space and a missing padding are allowed, as absl has it.

    Raises:
      Refusal: for any other text.
    """
    if len(text) % 4 == 0:
        with suppress(binascii.Error, ValueError):
            return base64.b64decode(text, validate=True)
    parts = _LOOSE_BASE64.fullmatch("".join(text.split()))
    if parts and len(parts[1]) % 4 != 1 and len(parts[2]) in (0, -len(parts[1]) % 4):
        return base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    raise invalid_argument("Unable to base64 decode")


def to_bytes(text: str) -> bytes:
    """Returns the bytes that a string of a JSON text had."""
    return text.encode("utf-8", "surrogateescape")


def _leaves(level: list[Any], dtype: tf.DType) -> np.ndarray | None:
    """Returns one level of values as a flat array, None where one of them is not of the dtype."""
    types = set(map(type, level))
    if dtype == tf.string:
        if not types <= {str, dict}:
            return None
        if dict in types:
            if not all(type(item) is str or is_base64_object(item) for item in level):
                return None
            return _filled([_scalar(item, dtype) for item in level], dtype)
        return _filled(list(map(to_bytes, level)), dtype)
    if dtype in _FLOATS:
        return _filled(level, dtype) if types <= {int, float} else None
    if dtype == tf.bool:
        return _filled(level, dtype) if types <= {bool} else None
    if dtype in _RANGES and types <= {int}:
        low, high = _RANGES[dtype]
        return _filled(level, dtype) if not level or (low <= min(level) and max(level) <= high) else None
    return None


def _filled(values: list[Any], dtype: tf.DType) -> np.ndarray:
    """Returns checked values as a flat array."""
    if dtype == tf.string:
        strings = np.empty(len(values), object)
        strings[:] = values
        return strings
    with np.errstate(over="ignore"):  # a float32 beyond the largest is infinite
        wide = np.float64 if dtype in _FLOATS else dtype.as_numpy_dtype if dtype in (tf.bool, tf.uint64) else np.int64
        return np.array(values, wide).astype(dtype.as_numpy_dtype)


def _scalar(value: Any, dtype: tf.DType) -> Any:
    if isinstance(value, dict):
        if dtype != tf.string:
            raise _type_error(value, dtype)
        if not is_base64_object(value):
            raise invalid_argument(f"JSON Value: {debug_text(value)} not formatted correctly for base64 data")
        return decode_base64(value[BASE64])
    if dtype == tf.string:
        if isinstance(value, str):
            return to_bytes(value)
    elif dtype in _FLOATS:
        if type(value) in (int, float):
            return value
    elif dtype == tf.bool:
        if isinstance(value, bool):
            return value
    elif dtype in _RANGES:
        low, high = _RANGES[dtype]
        if type(value) is int and low <= value <= high:
            return value
    else:
        raise Refusal(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {debug_text(value)} to type: {dtype_name(dtype)}",
        )
    raise _type_error(value, dtype)


def _type_error(value: Any, dtype: tf.DType) -> Refusal:
    return invalid_argument(
        f"JSON Value: {debug_text(value)} Type: {type_name(value)} is not of expected type: {dtype_name(dtype)}"
    )


def dtype_name(dtype: tf.DType) -> str:
    """Returns TensorFlow's own name of a dtype (DataTypeString of types.cc)."""
    return {tf.float32: "float", tf.float64: "double", tf.float16: "half"}.get(dtype, dtype.name)
