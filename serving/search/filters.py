"""Filters on the metadata of images: comparisons of a field with a value, and their combinations.

A field without a value fulfils no comparison, so that `Not` of one holds for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from serving.search.shards.schema import METADATA

_COMPARISONS = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
    "in": lambda column, values: pc.is_in(column, value_set=values),
}
OPERATORS = tuple(_COMPARISONS)


@dataclass(frozen=True)
class Where:
    """One field compared with a value.

    Attributes:
      field: a column of METADATA.
      op: one of == != < <= > >= in.
      value: a value of the column's type; for "in" a sequence of them.

    Raises:
      ValueError: for a field, a comparison or a value that does not fit, when it is made.

    Examples:
      >>> rows = pa.table({"language": ["en", "th", None]})
      >>> mask(Where("language", "==", "en"), rows).tolist()
      [True, False, False]
    """

    field: str
    op: str
    value: Any

    def __post_init__(self) -> None:
        if self.field not in METADATA.names:
            raise ValueError(f"a filter names the field {self.field!r}; there are {', '.join(METADATA.names)}")
        if self.op not in _COMPARISONS:
            raise ValueError(f"a filter compares {self.field!r} by {self.op!r}; there are {' '.join(_COMPARISONS)}")
        self.operand()

    def operand(self) -> pa.Scalar | pa.Array:
        """Returns the value in the column's type."""
        kind = METADATA.field(self.field).type
        several = isinstance(self.value, Sequence) and not isinstance(self.value, str)
        try:
            if several != (self.op == "in") or self.value is None:
                raise TypeError("one value, or a list of them for 'in'")
            made = pa.array(self.value, kind) if several else pa.scalar(self.value, kind)
            if pa.types.is_integer(kind) and (made.to_pylist() if several else made.as_py()) != self.value:
                raise ValueError("a whole number")  # Arrow cuts fractions off
            return made
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"a filter compares {self.field!r}, {kind}, with {self.value!r} ({error})") from error


@dataclass(frozen=True)
class And:
    """Holds where every part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Or:
    """Holds where a part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True)
class Not:
    """Holds where its part does not."""

    part: Filter


Filter = Where | And | Or | Not


def mask(where: Filter, rows: pa.Table | pa.RecordBatch) -> np.ndarray:
    """Returns for which of n rows the filter holds, [n] bool."""
    if isinstance(where, Where):
        column = rows.column(where.field)
        holds = _COMPARISONS[where.op](column, where.operand()).fill_null(False)
        if where.op == "in":  # is_in answers for a null too
            holds = pc.and_(holds, pc.is_valid(column))
        return holds.to_numpy(zero_copy_only=False) if isinstance(holds, pa.Array) else holds.to_numpy()
    if isinstance(where, Not):
        return ~mask(where.part, rows)
    parts = [mask(part, rows) for part in where.parts]
    join, none = (np.logical_and, True) if isinstance(where, And) else (np.logical_or, False)
    return join.reduce(parts) if parts else np.full(rows.num_rows, none)
