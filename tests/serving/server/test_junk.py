"""Junk over HTTP: whatever comes is answered with a status of the protocol, and the metrics can still be read."""

import json
import random

import pytest

from benchmarks.serving.malformed_http import SPOILT, spoilt, spoilt_path

BODIES = [
    b'{"instances": [[1.0, 2.0], [3.0, 4.0]], "signature_name": "serving_default"}',
    b'{"inputs": {"a": [1, -2.5e3], "b": ["x", {"b64": "aGk="}]}, "signature_name": "two"}',
    b'{"examples": [{"x": 2.0, "y": [1], "z": "\\u00e9"}], "context": {"x": 1.0}, "signature_name": "regress_x_to_y"}',
    b'{"id": "1", "inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 1], "data": [[1], [2]]}]}',
    b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}]}\0\0\x80?',
]
PATHS = [
    "/v1/models/half_plus_two:predict",
    "/v1/models/half_plus_two:regress",
    "/v1/models/half_plus_two:classify",
    "/v1/models/every_kind:predict",
    "/v1/models/every_kind/versions/1:predict",
    "/v1/models/half_plus_two/labels/stable:predict",
    "/v1/models/half_plus_two/metadata",
    "/v2/models/half_plus_two/infer",
    "/v2/models/every_kind:string/infer",
    "/v2/models/half_plus_two/versions/123/ready",
]


@pytest.mark.parametrize("seed", range(4))
def test_junk_is_refused_and_nothing_else_happens(small_models, seed):
    from serving.server.access_log import Access
    from serving.server.core.spec import PATIENT
    from serving.server.monitoring.observer import Monitoring
    from serving.server.open_inference.http_handler import OpenInferenceHandler
    from serving.server.open_inference.inference import OpenInference
    from serving.server.rest.handler import RestHandler

    chance, monitoring = random.Random(seed), Monitoring()
    rest, v2 = (
        RestHandler(small_models, monitoring),
        OpenInferenceHandler(OpenInference(small_models, monitoring)),
    )
    seen = set()
    for _ in range(300):
        body, access = spoilt(chance, BODIES), Access("", "", "")
        path = spoilt_path(chance, PATHS)
        method = chance.choice(("POST", "POST", "POST", "GET", "PUT"))
        if path.startswith("/v2"):
            headers = {"inference-header-content-length": str(chance.randrange(200))} if chance.random() < 0.5 else {}
            answer = v2.answer(method, path, headers, body, PATIENT, access)
        else:
            answer = rest.answer(method, path, body, PATIENT, access)
        assert answer.status in SPOILT, (method, path, body)
        if answer.status != 200:
            assert json.loads(answer.body.decode("utf-8", "replace"))["error"]
        seen.add(answer.status)
    assert {200, 400, 404} <= seen
    monitoring.page().encode()
    assert rest.answer("POST", PATHS[0], b'{"instances": [1]}', PATIENT, Access("", "", "")).status == 200
