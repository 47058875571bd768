"""The Open Inference Protocol over gRPC, by a channel of its own; the messages are open_inference_grpc.proto's."""

import grpc
import numpy as np
import pytest


@pytest.fixture(scope="module")
def channel(small_models):
    from concurrent import futures

    from serving.server.access_log import AccessLog
    from serving.server.grpc.calls import Calls
    from serving.server.monitoring.observer import Monitoring
    from serving.server.open_inference.grpc_service import InferenceService, add_to_server
    from serving.server.open_inference.inference import OpenInference

    server = grpc.server(futures.ThreadPoolExecutor(4))
    calls = Calls(4, AccessLog(), Monitoring())
    add_to_server(server, InferenceService(OpenInference(small_models, Monitoring()), calls), calls)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    server.stop(0).wait()


@pytest.fixture(scope="module")
def call(channel):
    """Returns a function from (method, request fields) to the response."""
    from serving.server.open_inference.messages import CLASSES, SERVICE

    def call(method, parameters=None, **fields):
        request = CLASSES[f"{method}Request"](**fields)
        for name, value in (parameters or {}).items():
            setattr(request.parameters[name], "string_param" if isinstance(value, str) else "int64_param", value)
        answer = CLASSES[f"{method}Response"].FromString
        return channel.unary_unary(f"/{SERVICE}/{method}", type(request).SerializeToString, answer)(request, timeout=60)

    return call


def x(**fields):
    return {"name": "x", "datatype": "FP32", "shape": [2, 1], **fields}


def test_typed_contents_are_answered_typed(call):
    inputs = [x(contents={"fp32_contents": [1, 2]})]
    answer = call("ModelInfer", model_name="half_plus_two", id="7", inputs=inputs)
    assert (answer.model_name, answer.model_version, answer.id) == ("half_plus_two", "123", "7")
    (output,) = answer.outputs
    assert (output.name, output.datatype, list(output.shape)) == ("y", "FP32", [2, 1])
    assert list(output.contents.fp32_contents) == [2.5, 3.0]
    assert not answer.raw_output_contents


def test_raw_contents_are_answered_raw(call):
    raw = np.array([1, 2], "<f4").tobytes()
    answer = call("ModelInfer", model_name="half_plus_two", model_version="123", inputs=[x()], raw_input_contents=[raw])
    assert np.frombuffer(answer.raw_output_contents[0], "<f4").tolist() == [2.5, 3.0]
    assert not answer.outputs[0].HasField("contents")


@pytest.mark.parametrize(
    ("kind", "datatype", "field", "values"),
    [
        ("bool", "BOOL", "bool_contents", [True, False]),
        ("int8", "INT8", "int_contents", [-128, 127]),
        ("int16", "INT16", "int_contents", [-1, 1]),
        ("int32", "INT32", "int_contents", [-1, 2**31 - 1]),
        ("int64", "INT64", "int64_contents", [-(2**63), 2**63 - 1]),
        ("uint8", "UINT8", "uint_contents", [0, 255]),
        ("uint32", "UINT32", "uint_contents", [0, 2**32 - 1]),
        ("uint64", "UINT64", "uint64_contents", [0, 2**64 - 1]),
        ("float64", "FP64", "fp64_contents", [0.1, 1e300]),
        ("string", "BYTES", "bytes_contents", [b"\xff", b""]),
    ],
)
def test_every_typed_field_goes_and_comes_back(call, kind, datatype, field, values):
    given = x(datatype=datatype, shape=[2], contents={field: values})
    answer = call("ModelInfer", model_name=f"every_kind:{kind}", inputs=[given])
    assert list(getattr(answer.outputs[0].contents, field)) == values


def test_a_float16_goes_raw(call):
    raw = np.array([0.5, 2], "<f2").tobytes()
    given = x(datatype="FP16", shape=[2])
    signature = {"signature": "float16"}
    answer = call("ModelInfer", model_name="every_kind", parameters=signature, inputs=[given], raw_input_contents=[raw])
    assert list(answer.raw_output_contents) == [raw]


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        ({"inputs": [x()]}, "INVALID_ARGUMENT", "input x: 0 values came for the shape [2, 1], which takes 2"),
        ({"inputs": [x()], "raw_input_contents": [b"", b""]}, "INVALID_ARGUMENT", "2 raw_input_contents came for 1"),
        ({"inputs": [x()], "raw_input_contents": [b"1234"]}, "INVALID_ARGUMENT", "input x: 4 bytes came for the shape"),
        (
            {"inputs": [x(contents={"fp32_contents": [1]})], "raw_input_contents": [b"12345678"]},
            "INVALID_ARGUMENT",
            "input x has contents beside raw_input_contents",
        ),
        ({"inputs": [x(datatype="FP16")]}, "INVALID_ARGUMENT", "input x: FP16 has no typed field; use raw_input_"),
        ({"inputs": [x(datatype="")]}, "INVALID_ARGUMENT", "input x: datatype '' is none of BOOL"),
        (
            {"inputs": [x(datatype="INT8", contents={"int_contents": [1, 300]})]},
            "INVALID_ARGUMENT",
            "input x: a value is beyond INT8",
        ),
        ({"model_name": ""}, "INVALID_ARGUMENT", "the request names no model"),
        ({"model_name": "none"}, "NOT_FOUND", "Servable not found for request: Latest(none)"),
        ({"model_version": "9"}, "NOT_FOUND", "Servable not found for request: Specific(half_plus_two, 9)"),
        (
            {"parameters": {"timeout": 1}, "inputs": [x(contents={"fp32_contents": [1, 2]})]},
            "DEADLINE_EXCEEDED",
            "",
        ),
    ],
)
def test_refusals(call, fields, code, text):
    with pytest.raises(grpc.RpcError) as error:
        call("ModelInfer", **{"model_name": "half_plus_two", **fields})
    assert error.value.code().name == code
    assert error.value.details().startswith(text)


def test_what_the_server_and_its_models_say_of_themselves(call):
    assert call("ServerLive").live
    assert call("ServerReady").ready
    assert call("ModelReady", name="half_plus_two").ready
    assert call("ServerMetadata").name == "align-tfx"
    metadata = call("ModelMetadata", name="half_plus_two:columns_only", version="123")
    assert (metadata.name, list(metadata.versions)) == ("half_plus_two:columns_only", ["123"])
    assert metadata.platform == "tensorflow_savedmodel"
    (given,) = metadata.inputs
    assert (given.name, given.datatype, list(given.shape)) == ("x", "FP32", [-1, 1])
    with pytest.raises(grpc.RpcError) as error:
        call("ModelReady", name="none")
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


def test_the_messages_are_those_of_the_proto():
    from serving.server.open_inference.messages import CLASSES, METHODS, POOL, SERVICE

    # A request as another implementation of the .proto writes it: model_name 1, inputs 5 {name 1, datatype 2, shape 3},
    # raw_input_contents 7.
    wire = b"\n\x01m*\x0e\n\x01x\x12\x04FP32\x1a\x03\x01\x80\x01:\x02ab"
    request = CLASSES["ModelInferRequest"].FromString(wire)
    assert (request.model_name, list(request.inputs[0].shape)) == ("m", [1, 128])
    assert list(request.raw_input_contents) == [b"ab"]
    assert request.SerializeToString() == wire
    assert [method.name for method in POOL.FindServiceByName(SERVICE).methods] == list(METHODS)


def test_bytes_that_are_no_request_are_refused_without_a_traceback(channel, caplog):
    asked = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    with pytest.raises(grpc.RpcError) as caught:
        asked(b"\xff\xff", timeout=60)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert caught.value.details() == "the request is no inference.ModelInferRequest"
    assert not caplog.records
