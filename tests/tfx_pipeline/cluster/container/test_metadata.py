"""What artifacts say of themselves goes to a cluster and comes back as it was."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cluster_tasks import as_double, through_ml_metadata
from tfx_pipeline.cluster.container.metadata import from_wire, to_wire

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
LEAVES = st.none() | st.booleans() | st.text() | NUMBERS
VALUES = st.recursive(LEAVES, lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside), max_leaves=8)
KEPT_APART = {"list": [1]}, {"struct": {"a": 1}}, "json:", "json:{}", 'json:"x"', None, True, 1, 2**53 + 1, [], {}


def handed_on(value, ways):
    """Returns what the next container gets: JSON, doubles for numbers, and what each of `ways` does to it."""
    value = as_double(json.loads(json.dumps(value)))
    for way in ways:
        value = way(value)
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("ways", [(), (through_ml_metadata,)], ids=["vertex", "kubeflow"])
@given(value=VALUES)
def test_every_json_value_comes_back(ways, value):
    assert from_wire(handed_on(to_wire(value), ways)) == value


@pytest.mark.parametrize("value", KEPT_APART)
def test_what_a_cluster_would_change_comes_back_with_its_type(value):
    back = from_wire(handed_on(to_wire(value), (through_ml_metadata,)))
    assert back == value
    assert isinstance(back, bool) == isinstance(value, bool)


@given(value=VALUES)
@example(value=math.inf)
def test_a_cluster_sees_text_and_exact_numbers_alone(value):
    wire = to_wire(value)
    assert isinstance(wire, str) or (not isinstance(wire, bool) and float(wire) == wire and math.isfinite(wire))


def test_no_number_comes_back_as_no_number():
    assert math.isnan(from_wire(to_wire(math.nan)))


def test_text_and_small_numbers_stand_as_they_are_in_the_clusters_pages():
    assert [to_wire(value) for value in ("a cat", 7, -0.5, 2**53)] == ["a cat", 7, -0.5, 2**53]


def test_what_others_wrote_is_read_as_kubeflow_hands_it_on():
    wrapped = [through_ml_metadata(value) for value in ([1.0, "a"], {"train": 1.0}, {"list": [1.0]}, True)]
    assert [from_wire(value) for value in wrapped] == [[1.0, "a"], {"train": 1.0}, {"list": [1.0]}, 1.0]
    assert from_wire({"train": 1.0, "list": []}) == {"train": 1.0, "list": []}
    assert from_wire("json:and no JSON") == "json:and no JSON"
