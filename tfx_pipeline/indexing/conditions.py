"""Filters as a command line has them: FIELD OP VALUE, each a condition, all of which must hold."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from serving.search.filters import And, Filter, Where
from serving.search.shards.schema import METADATA


def filter_of(conditions: Sequence[str]) -> Filter:
    """Returns the filter that holds where each condition does.

    Args:
      conditions: such as "language == de" or "width >= 200"; the value is what stands behind the second blank.

    Raises:
      ValueError: for a condition without its three words, or what `Where` refuses.

    Examples:
      >>> filter_of(["width >= 200"])
      And(parts=(Where(field='width', op='>=', value=200),))
    """
    return And(tuple(_where(condition) for condition in conditions))


def _where(condition: str) -> Where:
    words = condition.split(None, 2)
    if len(words) < 3:
        raise ValueError(f"--where is {condition!r}; write FIELD OP VALUE, such as 'language == de'")
    name, op, value = words
    if name not in METADATA.names:
        return Where(name, op, value)  # which refuses it
    kind = METADATA.field(name).type
    try:
        return Where(name, op, pa.scalar(value).cast(kind).as_py())
    except pa.ArrowException as error:
        raise ValueError(f"--where is {condition!r}, but {name} is {kind} ({error}); give such a value") from error
