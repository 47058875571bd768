"""Filters as Milvus reads them. Whether it reads them so, tests/milvus asks Milvus itself."""

from __future__ import annotations

import pytest

from serving.search.filters import And, Not, Or, Where
from serving.search.stores.milvus.expressions import expression


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (None, ""),
        (Where("id", "==", 'a"\\'), r'(id == "a\"\\")'),
        (Where("language", "in", ["en", "th"]), '(has_language == true and language in ["en", "th"])'),
        (Not(Where("width", "<", 3)), "(not (has_width == true and width < 3))"),
        (Where("phash", ">", 2**63 + 5), "(has_phash == true and phash > 5)"),
        (Where("phash", "==", 0), "(has_phash == true and phash == (-9223372036854775807 - 1))"),
        (And((Or(()), And(()))), "((added < 0) and (added >= 0))"),
    ],
)
def test_filters_become_expressions(where, text):
    assert expression(where) == text


def test_what_was_added_later_is_left_out():
    assert expression(Where("id", "==", "a"), 7) == '(id == "a") and (added <= 7)'
    assert expression(None, 7) == "(added <= 7)"


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (Where("unsafe", "<", float("nan")), "'unsafe' with nan, which Milvus has no word for"),
        (Where("label", "in", ["a", None]), "'label' with a list that holds no value"),
        (Where("id", "in", ["x" * 1000] * 1000), "has 100.... characters as Milvus reads it"),
    ],
)
def test_what_milvus_cannot_be_asked_is_refused(where, sentence):
    with pytest.raises(ValueError, match=sentence):
        expression(where)
