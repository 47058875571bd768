"""Filters in the language of Milvus.

Columns there always hold a value, so that beside each that may be null stands a truth value, has_<column>, which a
comparison asks too: a field without a value fulfils none.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from serving.search.filters import And, Filter, Not, Where

ADDED = "added"  # the column of when a row was added, nanoseconds since 1970
_LONGEST = 1_000_000  # characters of an expression
_OFFSET = 1 << 63


def expression(where: Filter | None, before: int | None = None) -> str:
    """Returns a filter as Milvus reads it.

    Args:
      where: the filter; None is all.
      before: rows that were added later do not count.

    Raises:
      ValueError: for what Milvus cannot be asked.
    """
    parts = [] if where is None else [_of(where)]
    parts += [] if before is None else [f"({ADDED} <= {before})"]
    text = " and ".join(parts)
    if len(text) > _LONGEST:
        raise ValueError(f"a filter has {len(text)} characters as Milvus reads it, {_LONGEST} at most; ask in parts")
    return text


def stored(value: Any, kind: pa.DataType) -> Any:
    """Returns what a column of Milvus holds for a value of ours: times and unsigned numbers become signed ones."""
    if pt.is_timestamp(kind):
        return pa.scalar(value, kind).value
    return value - _OFFSET if pt.is_uint64(kind) else value


def given(held: Any, kind: pa.DataType) -> Any:
    """Returns the value of ours that `stored` made into what a column holds."""
    return held + _OFFSET if pt.is_uint64(kind) else held


def _of(where: Filter) -> str:
    if isinstance(where, Where):
        return _comparison(where)
    if isinstance(where, Not):
        return f"(not {_of(where.part)})"
    if not where.parts:
        return f"({ADDED} >= 0)" if isinstance(where, And) else f"({ADDED} < 0)"
    return f"({(' and ' if isinstance(where, And) else ' or ').join(map(_of, where.parts))})"


def _comparison(where: Where) -> str:
    operand = where.operand()
    if isinstance(operand, pa.Array):
        value = f"[{', '.join(_literal(one, where) for one in operand)}]"
    else:
        value = _literal(operand, where)
    compared = f"{where.field} {where.op} {value}"
    return f"({compared})" if where.field == "id" else f"(has_{where.field} == true and {compared})"


def _literal(scalar: pa.Scalar, where: Where) -> str:
    held = scalar.value if pt.is_timestamp(scalar.type) else stored(scalar.as_py(), scalar.type)
    if held is None:
        raise ValueError(f"a filter compares {where.field!r} with a list that holds no value; leave it out")
    if isinstance(held, float) and not math.isfinite(held):
        raise ValueError(f"a filter compares {where.field!r} with {held}, which Milvus has no word for; give a number")
    if held == -_OFFSET:
        return f"({held + 1} - 1)"  # it reads the digits before the sign
    return json.dumps(held, ensure_ascii=False)
