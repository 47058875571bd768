"""What TensorFlow Serving answers over HTTP: routes, JSON shapes, and how numbers are written."""

from __future__ import annotations

import base64
import json

import numpy as np

from serving.conformance.check import HALF_PLUS_TWO, REST, Checks, Differs, expect_equal, shown
from serving.conformance.target import Target, picture
from serving.signatures import EMBEDDING, ENCODE_IMAGE, ENCODE_TEXT, IMAGE_BYTES, TEXT

CHECKS = Checks()
ROUTES, JSON = "model_servers/http_rest_api_util.cc", "util/json_tensor.cc"
TEST = "model_servers/tensorflow_model_server_test.py"
_CLOSE = 1e-6  # between two runs of one model; 9 digits of a float lose nothing


@CHECKS.add("REST: rows give what gRPC gives", JSON, REST)
def _rows(target: Target) -> None:
    words = ["cat", "smutná kočka"]
    answer = target.http("POST", target.path(":predict"), {"signature_name": ENCODE_TEXT, "instances": words})
    expect_equal(answer.status, 200, f"the status (its body: {shown(answer.text)})")
    expect_equal(answer.headers.get("content-type"), "application/json", "the content type")
    got = np.array(answer.json()["predictions"], np.float32)
    np.testing.assert_allclose(got, target.vectors(ENCODE_TEXT, TEXT, [word.encode() for word in words]), atol=_CLOSE)


@CHECKS.add("REST: columns give what gRPC gives, in the output's place where there is one", JSON, REST)
def _columns(target: Target) -> None:
    for inputs in (["cat", "dog"], {TEXT: ["cat", "dog"]}):
        answer = target.http("POST", target.path(":predict"), {"signature_name": ENCODE_TEXT, "inputs": inputs})
        expect_equal(answer.status, 200, f"the status (its body: {shown(answer.text)})")
        value = answer.json()["outputs"]
        got = np.array(value[EMBEDDING] if isinstance(value, dict) else value, np.float32)
        expect_equal(isinstance(value, list), True, "one output stands by itself")
        np.testing.assert_allclose(got, target.vectors(ENCODE_TEXT, TEXT, [b"cat", b"dog"]), atol=_CLOSE)


@CHECKS.add('REST: bytes are sent as {"b64": ...}', JSON, REST)
def _base64(target: Target) -> None:
    pictures = [picture(255, 0, 0), picture(0, 0, 255)]
    encoded = [{"b64": base64.b64encode(one).decode()} for one in pictures]
    expected = target.vectors(ENCODE_IMAGE, IMAGE_BYTES, pictures)
    for instances in (encoded, [{IMAGE_BYTES: one} for one in encoded]):
        body = {"signature_name": ENCODE_IMAGE, "instances": instances}
        answer = target.http("POST", target.path(":predict"), body)
        expect_equal(answer.status, 200, f"the status (its body: {shown(answer.text)})")
        np.testing.assert_allclose(np.array(answer.json()["predictions"], np.float32), expected, atol=_CLOSE)


@CHECKS.add("REST: a route is read whatever its case", ROUTES, REST)
def _case(target: Target) -> None:
    path = target.path(":predict").replace("/v1/models/", "/V1/Models/")
    body = {"signature_name": ENCODE_TEXT, "instances": ["cat"]}
    expect_equal(target.http("POST", path, body).status, 200, "the status of a prediction")


@CHECKS.add(
    "REST: /METADATA in capitals is answered with the status",
    "model_servers/http_rest_api_handler.cc",
    REST,
)
def _shouted(target: Target) -> None:
    value = target.http("GET", target.path("/METADATA")).json()
    expect_equal(sorted(value), ["model_version_status"], "the fields")


@CHECKS.add("REST: a model's name is unquoted", ROUTES, REST)
def _unquoted(target: Target) -> None:
    quoted = "".join(f"%{ord(letter):02X}" for letter in target.model)
    expect_equal(target.http("GET", f"/v1/models/{quoted}").status, 200, "the status")


@CHECKS.add("REST: a version that is asked for answers", ROUTES, REST)
def _version(target: Target) -> None:
    version = max(status.version for status in target.status())
    body = {"signature_name": ENCODE_TEXT, "instances": ["cat"]}
    expect_equal(target.http("POST", target.path(":predict", version=version), body).status, 200, "a prediction")
    of_one = target.http("GET", target.path(version=version)).json()["model_version_status"]
    expect_equal([one["version"] for one in of_one], [str(version)], "the versions of its status")


@CHECKS.add("REST: a status is gRPC's, written with one space a level", "apis/get_model_status.proto", REST)
def _status(target: Target) -> None:
    answer = target.http("GET", target.path())
    states = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}
    for told, stated in zip(answer.json()["model_version_status"], target.status(), strict=True):
        expect_equal(list(told), ["version", "state", "status"], "the fields")
        expect_equal((told["version"], told["state"]), (str(stated.version), states[stated.state]), "version, state")
        if stated.state == 30:
            expect_equal(told["status"], {"error_code": "OK", "error_message": ""}, "its error")
    expect_equal(answer.text, json.dumps(answer.json(), indent=1) + "\n", "the text")


@CHECKS.add(
    "REST: metadata nests signature_def twice, with every field",
    "servables/tensorflow/testdata/half_plus_two_model_metadata.json",
    REST,
)
def _metadata(target: Target) -> None:
    answer = target.http("GET", target.path("/metadata"))
    value = answer.json()
    expect_equal(list(value), ["model_spec", "metadata"], "the fields")
    version = str(max(status.version for status in target.status()))
    spec = {"name": target.model, "signature_name": "", "version": version}
    expect_equal(value["model_spec"], spec, "model_spec")
    stated = value["metadata"]["signature_def"]["signature_def"][ENCODE_TEXT]
    dim = {"size": "-1", "name": ""}
    shape = {"dim": [dim], "unknown_rank": False}
    text = stated["inputs"][TEXT]
    expect_equal((text["dtype"], text["tensor_shape"]), ("DT_STRING", shape), f"the input {TEXT}")
    expect_equal(stated["outputs"][EMBEDDING]["dtype"], "DT_FLOAT", f"the output {EMBEDDING}")
    expect_equal(stated["method_name"], "tensorflow/serving/predict", "the method")
    if not answer.text.startswith('{\n"model_spec":{\n "name": '):
        raise Differs(f"the text begins {shown(answer.text[:60])}")


_TEXTS = [  # instances -> how the body is written
    ("[2.0, 3.0, 4.0]", '{\n    "predictions": [3.0, 3.5, 4.0\n    ]\n}'),
    ("[0.1]", '{\n    "predictions": [2.05\n    ]\n}'),
    ("[0.333333333]", '{\n    "predictions": [2.16666675\n    ]\n}'),
    ("[1e10, -4]", '{\n    "predictions": [5e+09, 0.0\n    ]\n}'),
    ("[NaN, Infinity, -Infinity]", '{\n    "predictions": [NaN, Infinity, -Infinity\n    ]\n}'),
]


@CHECKS.add(
    "REST: numbers are written in the fewest of six or nine digits that lose nothing", JSON, REST, HALF_PLUS_TWO
)
def _numbers(target: Target) -> None:
    for instances, text in _TEXTS:
        answer = target.http("POST", target.path(":predict", target.half_plus_two), f'{{"instances": {instances}}}')
        expect_equal((answer.status, answer.text), (200, text), f"status and body for {instances}")


@CHECKS.add("REST: columns are written a value a line", TEST, REST, HALF_PLUS_TWO)
def _column_text(target: Target) -> None:
    answer = target.http("POST", target.path(":predict", target.half_plus_two), {"inputs": [2.0, 3.0]})
    expect_equal(answer.text, '{\n    "outputs": [\n        3.0,\n        3.5\n    ]\n}', "the body")
