"""How a client asks: the sizes of its requests, which settings are refused, and what a channel is told."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.calling.asked import Asked, requests_of
from serving.calling.channel import Retries, Tls


@given(values=st.lists(st.binary(max_size=6)), most=st.integers(1, 5), most_bytes=st.integers(1, 12))
def test_parts_keep_the_order_and_both_bounds(values, most, most_bytes):
    parts = list(requests_of(values, most, most_bytes))
    assert [value for part in parts for value in part] == values
    assert all(len(part) <= most and (len(part) == 1 or sum(map(len, part)) <= most_bytes) for part in parts if part)
    assert (len(parts) == 1) if not values else all(parts)
    for part, following in itertools.pairwise(parts):  # no smaller part than need be
        assert len(part) == most or sum(map(len, part)) + len(following[0]) > most_bytes


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": 1, "label": "stable"}, "version 1 and label 'stable' are both given"),
        ({"timeout_s": 0}, "timeout_s is 0; it must be above 0"),
        ({"in_flight": 0}, "in_flight is 0; it must be at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed, said):
    settings = {"address": "h:1", "model": "align", "version": None, "label": None, "timeout_s": 1, "in_flight": 1}
    with pytest.raises(ValueError, match=said):
        Asked(**settings | changed)


@pytest.mark.parametrize("changed", [{"attempts": 0}, {"attempts": 6}, {"first_s": 0}, {"longest_s": -1}])
def test_retries_that_cannot_be_are_refused(changed):
    with pytest.raises(ValueError, match=next(iter(changed))):
        Retries(**changed)


def test_retries_are_grpcs_own_policy():
    config = json.loads(dict(Retries(attempts=3, first_s=0.25).options())["grpc.service_config"])
    assert config["methodConfig"][0]["retryPolicy"] == {
        "maxAttempts": 3,
        "initialBackoff": "0.250s",
        "maxBackoff": "5.000s",
        "backoffMultiplier": 3.0,
        "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
    }


def test_certificates_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"no\.pem cannot be read \(No such file"):
        Tls(authorities=tmp_path / "no.pem").credentials()
    with pytest.raises(ValueError, match="go together"):
        Tls(key=tmp_path / "key.pem").credentials()
