"""Between Predict's tensors and NumPy arrays, without TensorFlow: strings go in, numbers come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.calling.messages import TensorProto

_STRING = 7  # DT_STRING of tensorflow/core/framework/types.proto
_READ: dict[int, tuple[str, Any]] = {  # dtype -> its field, and NumPy's name for it
    1: ("float_val", np.dtype("<f4")),
    2: ("double_val", np.dtype("<f8")),
    3: ("int_val", np.dtype("<i4")),
    _STRING: ("string_val", np.dtype(object)),
    9: ("int64_val", np.dtype("<i8")),
    10: ("bool_val", np.dtype(bool)),
}


def strings(values: Sequence[bytes]) -> Any:
    """Returns N values as a tensor of strings, [N]."""
    proto = TensorProto(dtype=_STRING, string_val=values)
    proto.tensor_shape.dim.add(size=len(values))
    return proto


def scalar(value: bytes) -> Any:
    """Returns one value as a tensor of strings, []."""
    return TensorProto(dtype=_STRING, string_val=[value], tensor_shape={})


def array(proto: Any) -> np.ndarray:
    """Returns a tensor as an array; strings as an object array of bytes.

    A server may send the values in the dtype's own field, where the last one counts for all that follow, or as bytes.

    Raises:
      ValueError: for a dtype that no output of ours has, or values that do not fill the shape.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if proto.dtype not in _READ:
        raise ValueError(f"a tensor of dtype {proto.dtype}, which is none of {', '.join(map(str, _READ))}")
    field, dtype = _READ[proto.dtype]
    if proto.tensor_content:
        flat = np.frombuffer(proto.tensor_content, dtype)
    else:
        flat = np.array(getattr(proto, field), dtype)
        if 0 < flat.size < math.prod(shape):
            flat = np.concatenate([flat, np.repeat(flat[-1:], math.prod(shape) - flat.size)])
    if flat.size != math.prod(shape):
        raise ValueError(f"a tensor of {flat.size} values and shape {shape}")
    return flat.reshape(shape)
