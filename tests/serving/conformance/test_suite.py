"""Our server passes the suite, and servers that lie in one answer do not."""

from __future__ import annotations

import json
from collections import Counter

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import get_model_status_pb2, predict_pb2
from tensorflow_serving.config import model_server_config_pb2

from lying_proxy import lying_grpc, lying_http
from serving.conformance.half_plus_two import MODEL, write_half_plus_two
from serving.conformance.suite import CONFORMANCE, SMOKE, run_checks
from serving.conformance.target import Target
from serving.server.server import ModelServer


@pytest.fixture(scope="module")
def server(colour_model, tmp_path_factory):
    base = tmp_path_factory.mktemp("served")
    (base / "align").mkdir()
    (base / "align" / "1").symlink_to(colour_model)
    write_half_plus_two(base)
    config = model_server_config_pb2.ModelServerConfig()
    for name in ("align", MODEL):
        config.model_config_list.config.add(name=name, base_path=str(base / name), model_platform="tensorflow")
    with ModelServer(config, port=0, rest_port=0) as server:
        yield server


@pytest.fixture(scope="module")
def rest(server):
    return server.rest_address


def outcomes(checks, address, rest=None) -> dict[str, tuple[str, str]]:
    """Returns check -> verdict and what was said."""
    target = Target(address, rest=rest, model="align", half_plus_two=MODEL)
    try:
        return {one.check.name: (one.verdict, one.said) for one in run_checks(checks, target)}
    finally:
        target.close()


def differing(found: dict[str, tuple[str, str]]) -> dict[str, str]:
    return {name: said for name, (verdict, said) in found.items() if verdict == "differs"}


def test_our_server_passes(server, rest):
    found = outcomes(CONFORMANCE, server.address, rest)
    assert differing(found) == {}
    verdicts = Counter(verdict for verdict, _ in found.values())
    assert verdicts["same"] > 90
    assert not verdicts["skipped"]


def test_every_check_has_a_name_of_its_own_and_a_source():
    names = Counter(check.name for check in CONFORMANCE)
    assert [name for name, times in names.items() if times > 1] == []
    assert all(check.source for check in CONFORMANCE)


def other_words(method, answer):
    if isinstance(answer, tuple) and "duplicate output" in answer[1]:
        return answer[0], answer[1].replace("duplicate", "repeated")
    return answer


def other_code(method, answer):
    if isinstance(answer, tuple) and answer[1].startswith("Could not find version"):
        return grpc.StatusCode.INVALID_ARGUMENT, answer[1]
    return answer


def other_field(method, answer):
    if isinstance(answer, bytes) and method.endswith("/Predict"):
        response = predict_pb2.PredictResponse.FromString(answer)
        for proto in response.outputs.values():
            proto.tensor_content = np.array(proto.float_val, "<f4").tobytes()
            del proto.float_val[:]
        return response.SerializeToString()
    return answer


def loading(method, answer):
    if isinstance(answer, bytes) and method.endswith("/GetModelStatus"):
        response = get_model_status_pb2.GetModelStatusResponse.FromString(answer)
        for status in response.model_version_status:
            status.state = status.LOADING
        return response.SerializeToString()
    return answer


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        (other_words, {"Predict with an output filter that names one twice is refused"}),
        (other_code, {"GetModelStatus of a version that is not there is refused"}),
        (other_field, {"numbers come in the dtype's own field, not as bytes"}),
        (
            loading,
            {
                "a version is available",
                "an answer names model, version and signature",
                "a status states version, state and no error",
            },
        ),
    ],
)
def test_a_server_that_differs_is_caught(server, change, caught):
    with lying_grpc(server.address, change) as address:
        assert set(differing(outcomes(CONFORMANCE, address))) == caught


def other_spelling(path, status, body):
    return status, body.replace("Invalid value. at offset", "Invalid value at offset")


def other_status(path, status, body):
    return (400, body) if "versions/999999" in path and status == 404 else (status, body)


def other_digits(path, status, body):
    return status, body.replace("2.16666675", "2.1666667")


def other_bucket(path, status, body):
    return status, body.replace('le="32.4"', 'le="32"')


def compact(path, status, body):
    is_status = path.endswith("/align") and status == 200 and body
    return status, json.dumps(json.loads(body)) if is_status else body


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        (other_spelling, {"REST: a body that is no JSON is refused"}),
        (
            other_status,
            {
                "REST: the status of a version that is not there is refused",
                "REST: a prediction of a version that is not there is refused",
            },
        ),
        (other_digits, {"REST: numbers are written in the fewest of six or nine digits that lose nothing"}),
        (other_bucket, {"metrics: latencies have 33 buckets from 10 us on, each 1.8 times the last"}),
        (compact, {"REST: a status is gRPC's, written with one space a level"}),
    ],
)
def test_a_server_that_differs_over_http_is_caught(server, rest, change, caught):
    over_http = [check for check in CONFORMANCE if check.needs]
    with lying_http(rest, change) as address:
        assert set(differing(outcomes(over_http, server.address, address))) == caught


def test_a_server_that_is_not_there_differs_in_everything():
    found = outcomes(SMOKE, "127.0.0.1:1")
    assert {verdict for verdict, _ in found.values()} == {"differs", "skipped"}


def test_an_http_port_that_is_not_there_fails_once(server):
    found = outcomes(CONFORMANCE, server.address, "127.0.0.1:1")
    assert list(differing(found).values()) == ["no HTTP server answers at 127.0.0.1:1: Connection refused"]
