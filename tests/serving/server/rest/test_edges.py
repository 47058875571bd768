"""Versions in the paths of REST, and rows that name no input: what Python alone would fail at."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize("digits", ["1" * 20, "1" * 5000])
def test_a_version_of_more_than_63_bits(ask, digits):
    status, text = ask("POST", f"/v1/models/half_plus_two/versions/{digits}:predict", '{"instances": [1]}')
    assert (status, json.loads(text)) == (400, {"error": f"Failed to convert version: {digits} to numeric."})


def test_leading_zeros_of_a_version_do_not_count(ask):
    path = f"/v1/models/half_plus_two/versions/{'0' * 5000}123:predict"
    assert ask("POST", path, '{"instances": [1]}')[0] == 200


def test_bytes_alone_are_no_row_of_several_inputs(ask):
    status, text = ask(
        "POST", "/v1/models/every_kind:predict", '{"signature_name": "two", "instances": [{"b64": "aGk="}]}'
    )
    assert (status, "expecting list of objects as multiple input tensors" in text) == (400, True)


def test_the_examples_of_what_was_answered_are_counted(small_models):
    from serving.server.access_log import Access
    from serving.server.core.spec import PATIENT
    from serving.server.monitoring.observer import Monitoring
    from serving.server.rest.handler import RestHandler

    monitoring = Monitoring()
    handler = RestHandler(small_models, monitoring)
    for path, body in (
        ("classify", b'{"signature_name": "classify_x_to_y", "examples": [{"x": 20.0}, {"x": 1.0}]}'),
        ("regress", b'{"signature_name": "regress_x_to_y", "examples": [{"x": 20.0}]}'),
        ("regress", b'{"signature_name": "no such", "examples": [{"x": 20.0}]}'),
    ):
        handler.answer("POST", f"/v1/models/half_plus_two:{path}", body, PATIENT, Access("REST", "POST", "test"))
    assert monitoring.first_value("/tensorflow/serving/request_example_count_total") == 3
