"""What users of servers with these protocols report, one test each: here it is otherwise.

The numbers are of each project's own tracker: tensorflow/serving, triton-inference-server/server, kserve/kserve,
pytorch/serve, bentoml/BentoML, openvinotoolkit/model_server and xorbitsai/inference.
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import time

import grpc
import numpy as np
import pytest
from half_plus_two import save_both
from tensorflow_serving.apis import prediction_service_pb2_grpc

from predict_requests import predict_request
from serving.server.open_inference.messages import CLASSES, SERVICE
from serving.server.server import ModelServer

PREDICT, INFER = "/v1/models/half_plus_two:predict", "/v2/models/every_kind:{}/infer"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ModelServer(save_both(tmp_path_factory.mktemp("models")), port=0, rest_port=0) as running:
        yield running


@pytest.fixture
def ask(server):
    """Returns a function from (path, body, method, headers) to (status, body, headers)."""

    def ask(path, body=None, method="POST", **headers):
        connection = http.client.HTTPConnection(server.rest_address, timeout=30)
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, sent, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, said, dict(answer.getheaders())

    return ask


@pytest.fixture
def infer(server):
    """Returns a function from a ModelInferRequest's fields to its response, over gRPC."""
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            request_serializer=CLASSES["ModelInferRequest"].SerializeToString,
            response_deserializer=CLASSES["ModelInferResponse"].FromString,
        )
        yield lambda **fields: call(CLASSES["ModelInferRequest"](**fields), timeout=30)


def tensor(datatype, shape, data, **more):
    return {"inputs": [{"name": "x", "datatype": datatype, "shape": shape, "data": data}], **more}


def head_and_data(number):
    """Returns the JSON of a request whose one float32 follows it, and those bytes."""
    binary = {"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}
    return json.dumps({"inputs": [binary]}).encode(), np.float32(number).tobytes()


def is_well(ask):
    return json.loads(ask(PREDICT, {"instances": [2.0]})[1]) == {"predictions": [3.0]}


@pytest.mark.parametrize("path", [PREDICT, "/v1/models/half_plus_two", "/v2/models/half_plus_two"])
def test_a_get_with_a_large_body_does_not_end_the_server(ask, path):
    """tensorflow/serving 1925 and 1289: illegal connection state 7, and the process is gone."""
    status, said, _ = ask(path, {"instances": [1.0] * 500_000}, method="GET")
    assert status == (400 if path == PREDICT else 200), said[:200]
    assert is_well(ask)


@pytest.mark.parametrize(
    "asked",
    [
        tensor("BYTES", "-1", [{"b64": "aGk="}]),
        tensor("BYTES", [1], [{"b65": "aGk="}]),
        tensor("STRING", [1], ["hi"]),
        {"inputs": {"name": "x"}},
        {"inputs": [[]]},
        {"inputs": [{"name": 1, "datatype": [], "shape": {}, "data": None}]},
        [],
        "inputs",
    ],
)
def test_values_of_another_kind_are_refused(ask, asked):
    """triton 1649: an assertion of its JSON parser fails, and the server shuts down."""
    status, said, _ = ask(INFER.format("string"), asked)
    assert status == 400
    assert json.loads(said)["error"]
    assert is_well(ask)


@pytest.mark.parametrize("shape", [[0], [2, 0], [0, 3]])
def test_tensors_without_elements_are_answered(ask, infer, shape):
    """triton 5972 and 1402: inputs of no elements end the server, and such outputs are lost over gRPC."""
    status, said, _ = ask(INFER.format("float32"), tensor("FP32", shape, []))
    assert (status, json.loads(said)["outputs"][0]["shape"]) == (200, shape)
    for contents in ({}, {"raw_input_contents": [b""]}):
        response = infer(
            model_name="every_kind:float32", inputs=[{"name": "x", "datatype": "FP32", "shape": shape}], **contents
        )
        assert (len(response.outputs), list(response.outputs[0].shape)) == (1, shape)


def test_empty_strings_are_answered(ask, infer):
    """triton 1396: a tensor of empty strings is taken for one without data."""
    status, said, _ = ask(INFER.format("string"), tensor("BYTES", [2], ["", ""]))
    assert (status, json.loads(said)["outputs"][0]["data"]) == (200, ["", ""])
    response = infer(
        model_name="every_kind:string",
        inputs=[{"name": "x", "datatype": "BYTES", "shape": [2]}],
        raw_input_contents=[bytes(8)],
    )
    assert list(response.raw_output_contents) == [bytes(8)]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_an_output_that_is_no_number_is_said_so_in_json(ask, number):
    """openvinotoolkit/model_server 4337: NaN and infinity are left out, and the answer cannot be parsed."""
    head, data = head_and_data(number)
    status, said, _ = ask(INFER.format("float32"), head + data, Inference_Header_Content_Length=str(len(head)))
    assert status == 400
    assert json.loads(said)["error"] == "output y has values that JSON has no number for; ask for it as binary_data"


def test_a_string_in_the_place_of_a_list_is_one_value(ask):
    """kserve 2746 and 3478: data as its own example has it fails as "value is not a valid list"."""
    status, said, _ = ask(INFER.format("string"), tensor("BYTES", [1], "aGk="))
    assert (status, json.loads(said)["outputs"][0]["data"]) == (200, ["aGk="])
    assert ask(INFER.format("string"), tensor("BYTES", [2], "aGk="))[0] == 400


def test_requests_that_their_callers_give_up_leave_the_server_as_it_was(server, ask):
    """pytorch/serve 1888, 2321 and 1815: an aborted gRPC request ends its worker, or holds it for ever."""
    with grpc.insecure_channel(server.address) as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        request = predict_request("serving_default", "half_plus_two", x=[2.0])
        for number in range(300):
            call = predict.future(request, timeout=30 if number % 2 else 1e-4)
            call.cancel()
        assert predict(request, timeout=30).outputs["y"].float_val[0] == 3.0
    assert is_well(ask)


def test_the_encoding_of_an_answer_is_what_its_header_says(ask):
    """triton 5185: an answer is compressed without content-encoding, and no client can read it."""
    status, said, headers = ask(PREDICT, {"instances": [2.0]}, Accept_Encoding="gzip")
    plain = gzip.decompress(said) if headers.get("content-encoding") == "gzip" else said
    assert (status, json.loads(plain)) == (200, {"predictions": [3.0]})


def test_binary_data_without_its_header_is_refused_in_words(ask):
    """triton 4244 and 4406: "the document is empty", where the length of the JSON was not sent."""
    head, data = head_and_data(1.0)
    for headers in ({}, {"Inference_Header_Content_Length": "0"}, {"Inference_Header_Content_Length": "-1"}):
        status, said, _ = ask(INFER.format("float32"), head + data, **headers)
        assert status == 400
        assert json.loads(said)["error"]


def test_an_output_that_does_not_exist_is_refused(ask):
    """triton 140: 200 and no output."""
    status, said, _ = ask(INFER.format("float32"), tensor("FP32", [1], [1.0], outputs=[{"name": "potato"}]))
    assert status == 400
    assert "potato" in json.loads(said)["error"]


@pytest.mark.parametrize(("datatype", "number"), [("FP16", 1e6), ("FP32", -1e39), ("INT8", 200), ("INT64", 2**63)])
def test_a_number_beyond_its_datatype_is_refused(ask, datatype, number):
    """kserve 3643: FP16 over JSON; 1e6 of it is none, and must not become infinity."""
    kind = {"FP16": "float16", "FP32": "float32", "INT8": "int8", "INT64": "int64"}[datatype]
    status, said, _ = ask(INFER.format(kind), tensor(datatype, [1], [number]))
    assert status == 400
    assert "input x" in json.loads(said)["error"]


def test_who_waits_for_a_word_before_the_body_gets_it(server):
    """jbaldwin/liblifthttp 45: curl sends `Expect: 100-continue` before a large body, and waits for a second."""
    host, port = server.rest_address.split(":")
    body = json.dumps({"instances": [2.0]}).encode()
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        head = f"POST {PREDICT} HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_probes_leave_no_file_open(ask):
    """bentoml 5552: each readiness check leaves a connection behind."""

    def files():
        return len(os.listdir("/proc/self/fd"))

    ask("/readyz", method="GET")
    before = files()
    for _ in range(200):
        assert ask("/readyz", method="GET")[0] == 200
    ends = time.monotonic() + 20
    while files() > before + 2:
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_clients_that_send_slowly_keep_nobody_waiting(server, ask):
    """xorbitsai/inference 5213: connections that send a byte now and then are all that is served."""
    host, port = server.rest_address.split(":")
    slow = [socket.create_connection((host, int(port)), timeout=30) for _ in range(400)]
    try:
        for connection in slow:
            connection.sendall(f"POST {PREDICT} HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n{{".encode())
        assert is_well(ask)
        assert ask("/readyz", method="GET")[0] == 200
    finally:
        for connection in slow:
            connection.close()
