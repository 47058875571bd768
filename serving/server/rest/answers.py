"""From outputs to the JSON of an answer, laid out as TensorFlow Serving's: RapidJSON's PrettyWriter, four spaces.

Rows stand on one line each where PrettyWriter puts them; columns have a line for each number. A float has six
significant digits where they give it back, else nine (seventeen for float64), and always a point or an exponent.
The keys of several outputs stand in the order of their names (TensorFlow Serving's order is that of a hash table).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from serving.server.refusal import invalid_argument
from serving.server.rest.arrays import BASE64, dtype_name
from serving.server.rest.debug_text import quoted

BYTES_SUFFIX = "_bytes"  # of the outputs whose strings are bytes: they are written as {"b64": ...}
_DIGITS = {np.dtype(np.float32): 9, np.dtype(np.float64): 17}
_INTEGERS = [np.dtype(kind) for kind in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint32, np.uint64)]
_STRINGS = "OSU"  # NumPy's kinds of them
_INDENT = "    "
_NAMED = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def predictions(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Returns the answer to a request in rows: one prediction for each entry of the outputs' first dimension.

    Raises:
      Refusal: where the outputs do not have one first dimension, or a dtype that JSON has no values of.
    """
    names, size = _names(outputs), None
    for name in names:
        shape = outputs[name].shape
        if not shape:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if size not in (None, shape[0]):
            raise invalid_argument(f"Tensor name: {name} has inconsistent batch size: {shape[0]} expecting: {size}")
        size = shape[0]
    if not size:
        return _document("predictions", "[]")
    if len(names) == 1:
        rows = ", ".join(_nested(names[0], outputs[names[0]], 1, depth=2, one_line=True))
        return _document("predictions", f"[{rows}\n    ]")
    columns = [_nested(name, outputs[name], 1, depth=3, one_line=True) for name in names]
    objects = ",".join(f"\n{_INDENT * 2}{_object(names, row, 2)}" for row in zip(*columns, strict=True))
    return _document("predictions", f"[{objects}\n    ]")


def columns(outputs: Mapping[str, np.ndarray]) -> bytes:
    """Returns the answer to a request in columns: each output as it is.

    Raises:
      Refusal: for a dtype that JSON has no values of.
    """
    names = _names(outputs)
    if len(names) == 1:
        return _document("outputs", _nested(names[0], outputs[names[0]], 0, depth=1, one_line=False)[0])
    texts = [_nested(name, outputs[name], 0, depth=2, one_line=False)[0] for name in names]
    return _document("outputs", _object(names, texts, 1))


def classifications(result: Any) -> bytes:
    """Returns the answer to a classify request: a list of [label, score] for each Example."""
    if not result.classifications:
        raise invalid_argument("Cannot convert empty ClassificationResults to JSON")
    items = [
        "[" + ", ".join(f"[{quoted(one.label)}, {_decimal(one.score)}]" for one in example.classes) + "]"
        for example in result.classifications
    ]
    return _document("results", f"[{', '.join(items)}\n    ]")


def regressions(result: Any) -> bytes:
    """Returns the answer to a regress request: a number for each Example."""
    if not result.regressions:
        raise invalid_argument("Cannot convert empty RegressionResults to JSON")
    return _document("results", f"[{', '.join(_decimal(one.value) for one in result.regressions)}]")


def error(message: str) -> bytes:
    """Returns the answer to a refused request."""
    return _document("error", quoted(message))


def decimals(array: np.ndarray) -> list[str]:
    """Returns each number of a float array as TensorFlow Serving writes it.

    Args:
      array: float32 or float64, of any shape.
    """
    flat = array.ravel()
    values = flat.tolist()
    texts = _formatted("%g", values)
    with np.errstate(over="ignore"):
        short = np.array(list(map(float, texts)), np.float64).astype(flat.dtype)
    places = np.flatnonzero(short != flat).tolist()
    longer = _formatted(f"%.{_DIGITS[flat.dtype]}g", [values[place] for place in places])
    for place, text in zip(places, longer, strict=True):
        texts[place] = text
    return [text if "." in text or "e" in text else _NAMED.get(text) or text + ".0" for text in texts]


def _formatted(form: str, values: list[float]) -> list[str]:
    """Returns each value in a printf form; one formatting of all is faster than many of one."""
    return (" ".join([form] * len(values)) % tuple(values)).split()


def _decimal(value: float) -> str:
    return decimals(np.array([value], np.float32))[0]


def _values(name: str, array: np.ndarray) -> list[str]:
    """Returns the JSON of each value of an output, in order; of bytes their base64."""
    if array.dtype in _DIGITS:
        return decimals(array)
    flat = array.ravel().tolist()
    if array.dtype == np.bool_:
        return ["true" if value else "false" for value in flat]
    if array.dtype in _INTEGERS:
        return list(map(str, flat))
    if array.dtype.kind in _STRINGS:
        strings = [value if isinstance(value, bytes) else str(value).encode() for value in flat]
        if _is_bytes(name, array):
            return [f'"{base64.b64encode(value).decode()}"' for value in strings]
        return [quoted(value.decode("utf-8", "surrogateescape")) for value in strings]
    raise invalid_argument(f"Failed to write JSON value for tensor type: {dtype_name(tf.as_dtype(array.dtype))}")


def _is_bytes(name: str, array: np.ndarray) -> bool:
    return array.dtype.kind in _STRINGS and name.endswith(BYTES_SUFFIX)


def _nested(name: str, array: np.ndarray, outer: int, *, depth: int, one_line: bool) -> list[str]:
    """Returns the JSON of an output: a text for each entry of its first `outer` dimensions.

    Args:
      name: of the output.
      array: its values.
      outer: dimensions that are not written as lists here.
      depth: how many lists and objects stand around each text.
      one_line: whether a list's items stand on one line.
    """
    texts = _values(name, array)
    if _is_bytes(name, array):
        texts = [_object([BASE64], [text], depth + array.ndim - outer) for text in texts]
    for axis in reversed(range(outer, array.ndim)):
        length, inside = array.shape[axis], "\n" + _INDENT * (depth + axis - outer + 1)
        before, between, after = ("", ", ", "") if one_line else (inside, "," + inside, inside[: -len(_INDENT)])
        count = math.prod(array.shape[:axis])
        if not length:
            texts = ["[]"] * count
        else:
            parts = (texts[place * length : (place + 1) * length] for place in range(count))
            texts = [f"[{before}{between.join(part)}{after}]" for part in parts]
    return texts


def _object(keys: Sequence[str], texts: Sequence[str], depth: int) -> str:
    """Returns a JSON object at a depth; each member on a line of its own."""
    inside = "\n" + _INDENT * (depth + 1)
    members = (f"{inside}{quoted(key)}: {text}" for key, text in zip(keys, texts, strict=True))
    return f"{{{','.join(members)}\n{_INDENT * depth}}}"


def _document(key: str, text: str) -> bytes:
    return _object([key], [text], 0).encode("utf-8", "surrogateescape")


def _names(outputs: Mapping[str, np.ndarray]) -> list[str]:
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    return sorted(outputs)
