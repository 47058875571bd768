"""The Open Inference Protocol over HTTP, by requests made by hand; the forms are those of inference_rest.md."""

import json
import struct

import numpy as np
import pytest

INFER = "/v2/models/half_plus_two/infer"


@pytest.fixture(scope="module")
def handler(small_models):
    from serving.server.monitoring.observer import Monitoring
    from serving.server.open_inference.http_handler import OpenInferenceHandler
    from serving.server.open_inference.inference import OpenInference

    return OpenInferenceHandler(OpenInference(small_models, Monitoring()))


@pytest.fixture(scope="module")
def ask(handler):
    """Returns a function from (method, path, body, headers) to the answer."""
    from serving.server.access_log import Access
    from serving.server.core.spec import PATIENT

    def ask(method, path, body=b"", headers=None):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return handler.answer(method, path, headers or {}, body, PATIENT, Access("V2", method, "test"))

    return ask


def tensor(name, datatype, shape, data):
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


X = tensor("x", "FP32", [2, 1], [1, 2])


def test_an_inference_in_json(ask):
    answer = ask("POST", INFER, {"id": "42", "inputs": [X]})
    assert answer.status == 200
    assert json.loads(answer.body) == {
        "model_name": "half_plus_two",
        "model_version": "123",
        "id": "42",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2, 1], "data": [2.5, 3.0]}],
    }


@pytest.mark.parametrize("data", [[[1], [2]], [1.0, 2.0]])
def test_data_may_be_nested_or_flat(ask, data):
    answer = ask("POST", "/v2/models/half_plus_two/versions/123/infer", {"inputs": [X | {"data": data}]})
    assert json.loads(answer.body)["outputs"][0]["data"] == [2.5, 3.0]


@pytest.mark.parametrize(
    ("kind", "datatype", "data"),
    [
        ("float32", "FP32", [0.1, 1e-30]),
        ("float64", "FP64", [0.1, 1e300]),
        ("float16", "FP16", [0.5, 2.0]),
        ("int8", "INT8", [-128, 127]),
        ("int16", "INT16", [-5, 5]),
        ("int32", "INT32", [-5, 5]),
        ("int64", "INT64", [-(2**63), 2**63 - 1]),
        ("uint8", "UINT8", [0, 255]),
        ("uint32", "UINT32", [0, 2**32 - 1]),
        ("uint64", "UINT64", [0, 2**64 - 1]),
        ("bool", "BOOL", [True, False]),
        ("string", "BYTES", ["é", ""]),
    ],
)
def test_every_datatype_goes_and_comes_back(ask, kind, datatype, data):
    body = {"inputs": [tensor("x", datatype, [2], data)]}
    output = json.loads(ask("POST", f"/v2/models/every_kind:{kind}/infer", body).body)["outputs"][0]
    assert output == {"name": "y", "datatype": datatype, "shape": [2], "data": data}
    body["parameters"] = {"signature": kind}
    assert json.loads(ask("POST", "/v2/models/every_kind/infer", body).body)["outputs"] == [output]


def binary(content, *parts):
    """A body of JSON and bytes, and its header."""
    head = json.dumps(content).encode()
    return b"".join([head, *parts]), {"inference-header-content-length": str(len(head))}


def test_binary_tensors_in_and_out(ask):
    raw = np.array([[1.0], [2.0]], "<f4").tobytes()
    x = {"name": "x", "datatype": "FP32", "shape": [2, 1], "parameters": {"binary_data_size": 8}}
    body, headers = binary({"inputs": [x], "parameters": {"binary_data_output": True}}, raw)
    answer = ask("POST", INFER, body, headers)
    length = int(answer.headers["Inference-Header-Content-Length"])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    output = {"name": "y", "datatype": "FP32", "shape": [2, 1], "parameters": {"binary_data_size": 8}}
    assert json.loads(answer.body[:length])["outputs"] == [output]
    assert np.frombuffer(answer.body[length:], "<f4").tolist() == [2.5, 3.0]


def test_strings_as_bytes_beside_json(ask):
    raw = struct.pack("<I", 2) + b"\xff\x00" + struct.pack("<I", 0)
    b = {"name": "b", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(raw)}}
    body, headers = binary(
        {
            "inputs": [tensor("a", "FP32", [1], [1]), b],
            "outputs": [{"name": "b_bytes", "parameters": {"binary_data": True}}, {"name": "a"}],
        },
        raw,
    )
    answer = ask("POST", "/v2/models/every_kind:two/infer", body, headers)
    length = int(answer.headers["Inference-Header-Content-Length"])
    first, second = json.loads(answer.body[:length])["outputs"]
    assert (first["name"], first["parameters"], answer.body[length:]) == (
        "b_bytes",
        {"binary_data_size": len(raw)},
        raw,
    )
    assert (second["name"], second["data"]) == ("a", [2.0])


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        (INFER, b"", 400, "the request has no JSON"),
        (INFER, b"[", 400, "the request is no JSON: Invalid value. at offset: 1"),
        (INFER, [1], 400, "the request is no JSON object"),
        (INFER, {}, 400, "inputs must be a list"),
        (INFER, {"inputs": [1]}, 400, "inputs must be a list of objects"),
        (INFER, {"inputs": [{}]}, 400, "an input has no name"),
        (INFER, {"inputs": [X, X]}, 400, "input x is there twice"),
        (INFER, {"inputs": []}, 400, "the model takes the inputs x; missing: x; unknown: none"),
        (INFER, {"inputs": [X, X | {"name": "z"}]}, 400, "the model takes the inputs x; missing: none; unknown: z"),
        (INFER, {"inputs": [X | {"datatype": "FP64"}]}, 400, "input x must be FP32; it is FP64"),
        (INFER, {"inputs": [X | {"datatype": "FP31"}]}, 400, "input x: datatype 'FP31' is none of BOOL, "),
        (INFER, {"inputs": [X | {"shape": [-1]}]}, 400, "input x: shape [-1] is not made of whole numbers from 0 on"),
        (INFER, {"inputs": [X | {"shape": [3]}]}, 400, "input x: 2 values came for the shape [3]"),
        (INFER, {"inputs": [X | {"shape": [0, 2**40, 2]}]}, 400, "input x: shape [0, 1099511627776, 2] is past"),
        (
            INFER,
            {"inputs": [X | {"shape": [2**40, 2]}]},
            400,
            "input x: shape [1099511627776, 2] is past",
        ),
        (INFER, {"inputs": [X | {"data": ["1", 2]}]}, 400, 'input x: JSON Value: "1" Type: String is not of expected'),
        (INFER, {"inputs": [{"name": "x", "datatype": "FP32", "shape": [1]}]}, 400, "input x has neither data nor"),
        (INFER, {"inputs": [X], "outputs": [{"name": "z"}]}, 400, "the model has no output z; its outputs are y"),
        (INFER, {"inputs": [X], "id": 1}, 400, "the id of a request must be a string"),
        (INFER, {"inputs": [X], "parameters": 1}, 400, "the parameters of the request are no JSON object"),
        (INFER, {"inputs": [X], "parameters": {"signature": 1}}, 400, "the parameter signature is 1; it must be a str"),
        (
            INFER,
            {"inputs": [X], "parameters": {"sequence_id": 1}},
            501,
            "the request: the parameter sequence_id is ",
        ),
        ("/v2/models/none/infer", {"inputs": [X]}, 404, "Servable not found for request: Latest(none)"),
        (
            "/v2/models/half_plus_two/versions/9/infer",
            {"inputs": [X]},
            404,
            "Servable not found for request: Specific",
        ),
        (
            "/v2/models/half_plus_two/versions/a/infer",
            {"inputs": [X]},
            400,
            "version 'a' of model half_plus_two is ",
        ),
        (
            "/v2/models/half_plus_two:no/infer",
            {"inputs": [X]},
            404,
            "model half_plus_two has no signature no; ask ",
        ),
        (
            "/v2/models/every_kind:int8/infer",
            {"inputs": [tensor("x", "INT8", [1], [128])]},
            400,
            "input x: a value is beyond INT8",
        ),
        (
            "/v2/models/half_plus_two:columns_only/infer",
            {"inputs": [tensor("x", "FP32", [2], [1, 2])]},
            400,
            "input x must have the shape [-1, 1]; it has [2]",
        ),
        (
            "/v2/models/every_kind:float32/infer",
            b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [NaN]}]}',
            400,
            "output y has values that JSON has no number for; ask for it as binary_data",
        ),
    ],
)
def test_refusals(ask, path, body, status, text):
    answer = ask("POST", path, body)
    assert answer.status == status
    assert json.loads(answer.body)["error"].startswith(text)


@pytest.mark.parametrize(
    ("size", "raw", "header", "text"),
    [
        (4, b"1234", None, "input x: 4 bytes came for the shape [2, 1] of FP32, which takes 8"),
        (9, b"12345678", None, "input x: binary_data_size is 9; 8 bytes are left for it"),
        (-1, b"12345678", None, "input x: binary_data_size is -1; 8 bytes are left for it"),
        (8, b"123456789", None, "1 bytes are left behind the inputs"),
        (8, b"12345678", "9999", "Inference-Header-Content-Length is '9999'; the body has"),
        (8, b"12345678", "x", "Inference-Header-Content-Length is 'x'; the body has"),
    ],
)
def test_bytes_that_do_not_fill_the_inputs(ask, size, raw, header, text):
    x = {"name": "x", "datatype": "FP32", "shape": [2, 1], "parameters": {"binary_data_size": size}}
    body, headers = binary({"inputs": [x]}, raw)
    answer = ask("POST", INFER, body, headers if header is None else {"inference-header-content-length": header})
    assert answer.status == 400
    assert json.loads(answer.body)["error"].startswith(text)


@pytest.mark.parametrize("raw", [b"\x01", b"\x05\x00\x00\x00abc", struct.pack("<I", 2**32 - 1)])
def test_strings_that_end_past_their_bytes(ask, raw):
    x = {"name": "x", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}
    body, headers = binary({"inputs": [x]}, raw)
    answer = ask("POST", "/v2/models/every_kind:string/infer", body, headers)
    assert json.loads(answer.body)["error"] == f"input x: a string ends past its {len(raw)} bytes"


def test_what_the_server_and_its_models_say_of_themselves(ask):
    server = json.loads(ask("GET", "/v2").body)
    assert (server["name"], server["extensions"]) == ("align-tfx", ["binary_tensor_data"])
    assert json.loads(ask("GET", "/v2/health/live").body) == {"live": True}
    assert json.loads(ask("GET", "/v2/health/ready").body) == {"ready": True}
    assert json.loads(ask("GET", "/v2/models/half_plus_two/ready").body) == {"name": "half_plus_two", "ready": True}
    assert ask("GET", "/v2/models/none/ready").status == 404
    assert json.loads(ask("GET", "/v2/models/half_plus_two:columns_only").body) == {
        "name": "half_plus_two:columns_only",
        "versions": ["123"],
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 1]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": []}],
        "platform": "tensorflow_savedmodel",
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", INFER, 405), ("POST", "/v2/models/half_plus_two", 405), ("GET", "/v2/models", 404), ("GET", "/v2/x", 404)],
)
def test_paths_and_methods_that_are_none(ask, method, path, status):
    assert ask(method, path).status == status


def test_a_signature_that_is_none_is_not_ready(ask):
    paths = ("half_plus_two", "half_plus_two:serving_default", "half_plus_two:absent")
    assert [ask("GET", f"/v2/models/{path}/ready").status for path in paths] == [200, 200, 503]


@pytest.mark.parametrize("header", ["\u00b2", "+1", "-1", "1" * 5000])
def test_a_header_length_that_is_none_is_refused(ask, header):
    answer = ask("POST", INFER, {"inputs": [X]}, {"inference-header-content-length": header})
    assert (answer.status, "Inference-Header-Content-Length is" in json.loads(answer.body)["error"]) == (400, True)
