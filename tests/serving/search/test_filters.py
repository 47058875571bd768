"""A filter says the same as Python does of each row."""

from __future__ import annotations

import datetime
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index_rows import index_rows
from serving.search.filters import And, Not, Or, Where, mask
from serving.search.shards.schema import conform

ROWS = conform(index_rows([f"{number:03}" for number in range(200)]), 8)
PYTHON = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, values: value in values,
}


def holds(where, row):
    """The filter of one row, by hand."""
    if isinstance(where, Where):
        return row[where.field] is not None and PYTHON[where.op](row[where.field], where.value)
    if isinstance(where, Not):
        return not holds(where.part, row)
    return (all if isinstance(where, And) else any)(holds(part, row) for part in where.parts)


DAYS = st.integers(1, 12).map(lambda day: datetime.datetime(2026, 1, day, tzinfo=datetime.timezone.utc))
ORDERED = st.sampled_from([op for op in PYTHON if op != "in"])
LEAVES = st.one_of(
    st.builds(Where, st.just("width"), ORDERED, st.integers(0, 1000)),
    st.builds(Where, st.just("ingested"), ORDERED, DAYS),
    st.builds(Where, st.just("language"), ORDERED, st.sampled_from(["en", "th"])),
    st.builds(Where, st.just("language"), st.just("in"), st.lists(st.sampled_from(["en", "th", "fr"]))),
)
PARTS = lambda leaves: st.lists(leaves, max_size=3).map(tuple)  # noqa: E731
FILTERS = st.recursive(
    LEAVES, lambda some: st.one_of(st.builds(And, PARTS(some)), st.builds(Or, PARTS(some)), st.builds(Not, some))
)


@given(FILTERS)
def test_a_filter_says_of_each_row_what_python_says(where):
    assert mask(where, ROWS).tolist() == [holds(where, row) for row in ROWS.to_pylist()]


@pytest.mark.parametrize(
    ("field", "op", "value", "sentence"),
    [
        ("colour", "==", "red", "names the field 'colour'; there are id, source"),
        ("vector", "==", "red", "names the field 'vector'"),
        ("width", "like", 3, "compares 'width' by 'like'"),
        ("width", "==", "wide", "compares 'width', int32, with 'wide'"),
        ("width", "<", 2**40, "compares 'width', int32, with 1099511627776"),
        ("width", "==", [1], "one value"),
        ("width", "in", 1, "a list of them"),
        ("width", "==", None, "one value"),
        ("language", "in", "en", "a list of them"),
    ],
)
def test_a_filter_that_does_not_fit_is_refused_when_it_is_made(field, op, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        Where(field, op, value)
