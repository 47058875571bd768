"""Which signatures may share a batch, and how arrays are joined into one and parted again. Pure.

Legend: R rows of a request, B rows of its batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
Shape = tuple[tuple[str, str, tuple[int, ...]], ...]


def shares_rows(signature: Any) -> bool:
    """Says whether each row of a signature's outputs belongs to one row of its inputs, as far as its shapes tell.

    Every input and output must have a free first size, and every output no other: [N, M] compares all with all, and
    [N, C, D] with a free C is padded to the longest of the batch.
    """
    inputs, outputs = [info.tensor_shape for info in signature.inputs.values()], signature.outputs.values()
    return (
        bool(inputs)
        and all(_is_free(shape) for shape in inputs)
        and all(_is_free(info.tensor_shape) for info in outputs)
        and all(dim.size >= 0 for info in outputs for dim in info.tensor_shape.dim[1:])
    )


def rows_of(inputs: Arrays, signature: Any) -> int | None:
    """Returns R, or None for a request that does not fit the signature's shapes and so must run as it is, alone."""
    rows = {array.shape[0] if array.ndim else None for array in inputs.values()}
    fits = all(_fits(array.shape, signature.inputs[name].tensor_shape) for name, array in inputs.items())
    return rows.pop() if len(rows) == 1 and fits else None


def shape_of(inputs: Arrays) -> Shape:
    """Returns what must be the same for requests of one batch: each input's dtype and the shape of its rows."""
    return tuple((name, array.dtype.str, array.shape[1:]) for name, array in sorted(inputs.items()))


def join(requests: Sequence[Arrays], padding: int = 0) -> dict[str, np.ndarray]:
    """Returns the rows of all requests in order, [B, ...], and the first row `padding` times behind them."""
    if len(requests) == 1 and not padding:
        return dict(requests[0])
    joined = {}
    for name in requests[0]:
        rows = np.concatenate([request[name] for request in requests])
        joined[name] = np.concatenate([rows, np.repeat(rows[:1], padding, axis=0)]) if padding else rows
    return joined


def part(outputs: Arrays, rows: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Returns what each request gets of outputs [B, ...]; what was padded is left over."""
    ends = np.cumsum(rows)
    return [
        {name: array[end - count : end] for name, array in outputs.items()}
        for end, count in zip(ends, rows, strict=True)
    ]


def have_rows(outputs: Iterable[np.ndarray], rows: int) -> bool:
    """Says whether each output has `rows` rows."""
    return all(array.ndim > 0 and array.shape[0] == rows for array in outputs)


def _is_free(shape: Any) -> bool:
    return not shape.unknown_rank and len(shape.dim) > 0 and shape.dim[0].size < 0


def _fits(shape: tuple[int, ...], stated: Any) -> bool:
    return len(shape) == len(stated.dim) and all(
        dim.size in (-1, size) for size, dim in zip(shape, stated.dim, strict=True)
    )
