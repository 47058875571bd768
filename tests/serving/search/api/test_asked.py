"""Whatever JSON comes, it is a question or one sentence."""

from __future__ import annotations

from contextlib import suppress

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.search.api.asked import Asked, read_asked
from serving.search.filters import And, Not, Or, Where
from serving.search.terms import KINDS

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(st.sampled_from(["and", "or", "not", "field", "op", "value", "x"]), parts, max_size=4)
    ),
    max_leaves=8,
)
TERMS = st.dictionaries(st.sampled_from([*KINDS, "weight", "sign"]), VALUES, max_size=3) | VALUES
FIELDS = {"where": VALUES, "k": VALUES, "page": VALUES, "min_score": VALUES, "group": VALUES, "model": VALUES}
QUESTIONS = st.fixed_dictionaries({"terms": st.lists(TERMS, max_size=3)}, optional=FIELDS) | VALUES


@settings(max_examples=50, deadline=None)
@given(said=QUESTIONS)
def test_any_json_is_a_question_or_one_sentence(said):
    try:
        body = orjson.dumps(said)
    except TypeError:  # a number that JSON has no room for
        return
    with suppress(ValueError):
        assert isinstance(read_asked(body), Asked)


def test_a_filter_is_read_as_it_is_written():
    where = {
        "and": [
            {"field": "language", "op": "in", "value": ["de", "en"]},
            {
                "not": {
                    "or": [{"field": "width", "op": "<", "value": 100}, {"field": "split", "op": "==", "value": "x"}]
                }
            },
        ]
    }
    asked = read_asked(orjson.dumps({"terms": [{"text": "a"}], "where": where}))
    expected = And(
        (
            Where("language", "in", ["de", "en"]),
            Not(Or((Where("width", "<", 100), Where("split", "==", "x")))),
        )
    )
    assert asked.question.where == expected
    with pytest.raises(ValueError, match="more than 256 conditions"):
        read_asked(orjson.dumps({"terms": [{"text": "a"}], "where": {"and": [where] * 60}}))
