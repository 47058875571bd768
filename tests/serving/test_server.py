"""The embedded server, driven over a real port with tensorflow-serving-api's own stubs."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from components import schema
from serving.embedder import SavedModelEmbedder
from serving.server import ModelServer

VERSION = 7


@pytest.fixture(scope="module")
def base(colour_model, tmp_path_factory):
    base = tmp_path_factory.mktemp("models")
    shutil.copytree(colour_model, base / str(VERSION))
    half_written = base / "8"
    shutil.copytree(colour_model / "variables", half_written / "variables")
    (base / "9.partial").mkdir()
    (base / "notes.txt").write_text("not a version", encoding="utf-8")
    return base


@pytest.fixture(scope="module")
def server(base):
    with ModelServer(base, port=0) as server:
        yield server


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.address) as channel:
        yield channel


@pytest.fixture(scope="module")
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def request(signature: str = "encode_text", model: str = "align", **inputs) -> predict_pb2.PredictRequest:
    made = predict_pb2.PredictRequest()
    made.model_spec.name = model
    made.model_spec.signature_name = signature
    for name, value in inputs.items():
        made.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return made


def refusal(call, message) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(message, timeout=20)
    return caught.value.code(), caught.value.details()


def test_texts_are_encoded_through_tf_texts_ops(prediction):
    response = prediction.Predict(request(text=["RED", "green blue", "nothing"]), timeout=20)
    expected = np.array([[1, 0, 0, 0.1], [0, 1, 1, 0.1], [0, 0, 0, 0.1]], np.float32)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(tf.make_ndarray(response.outputs["embedding"]), expected, rtol=1e-6)
    assert response.outputs["embedding"].float_val, "TensorFlow Serving answers in the typed field"
    assert response.model_spec.version.value == VERSION
    assert response.model_spec.signature_name == "encode_text"


def test_served_vectors_are_the_in_process_vectors(prediction, colour_model, coloured_png):
    pictures = [coloured_png(200, 10, 0), coloured_png(0, 0, 0), coloured_png(1, 2, 255)]
    served = prediction.Predict(request("encode_image", image_bytes=pictures), timeout=20)
    here = SavedModelEmbedder(colour_model).encode_image(pictures)
    np.testing.assert_array_equal(tf.make_ndarray(served.outputs["embedding"]), here)


def example(picture: bytes, label: str) -> bytes:
    made = tf.train.Example()
    made.features.feature[schema.IMAGE_ENCODED].bytes_list.value.append(picture)
    made.features.feature[schema.CLASS_LABEL].bytes_list.value.append(label.encode())
    return made.SerializeToString()


def test_outputs_of_every_dtype_come_back(prediction, coloured_png):
    serialized = [example(coloured_png(255, 0, 0), "rouge é"), example(coloured_png(0, 0, 255), "")]
    outputs = prediction.Predict(request("evaluate", examples=serialized), timeout=20).outputs
    assert set(outputs) == {"image_embedding", "caption_count", "label"}
    assert tf.make_ndarray(outputs["label"]).tolist() == ["rouge é".encode(), b""]
    assert tf.make_ndarray(outputs["caption_count"]).tolist() == [1, 1]
    assert outputs["caption_count"].dtype == tf.int64.as_datatype_enum
    assert tf.make_ndarray(outputs["image_embedding"]).shape == (2, 4)


def test_output_filter_is_honoured(prediction, coloured_png):
    asked = request("evaluate", examples=[example(coloured_png(255, 0, 0), "x")])
    asked.output_filter.append("label")
    assert list(prediction.Predict(asked, timeout=20).outputs) == ["label"]
    asked.output_filter.append("label")
    assert refusal(prediction.Predict, asked) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "duplicate output tensor alias: label",
    )
    del asked.output_filter[:]
    asked.output_filter.append("logits")
    code, message = refusal(prediction.Predict, asked)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "logits" in message
    assert "{caption_count,image_embedding,label}" in message


def test_an_empty_batch_is_answered_with_no_rows(prediction):
    response = prediction.Predict(request(text=np.array([], dtype=object).astype("S")), timeout=20)
    assert tf.make_ndarray(response.outputs["embedding"]).shape == (0, 4)


def with_version(version: int):
    made = request(text=["red"])
    made.model_spec.version.value = version
    return made


def with_label(label: str):
    made = request(text=["red"])
    made.model_spec.version_label = label
    return made


def with_shape(sizes, values):
    made = request(text=["red"])
    tensor = made.inputs["text"]
    tensor.Clear()
    tensor.dtype = tf.string.as_datatype_enum
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    tensor.string_val.extend(values)
    return made


BAD_PREDICTIONS = {
    "no model spec": (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    "no name": (request(model="", text=["red"]), "INVALID_ARGUMENT", "no name"),
    "unknown model": (request(model="clip", text=["red"]), "NOT_FOUND", "Latest(clip)"),
    "unknown version": (with_version(6), "NOT_FOUND", "Specific(align, 6)"),
    "half-written version": (with_version(8), "NOT_FOUND", "Specific(align, 8)"),
    "unknown label": (with_label("stable"), "INVALID_ARGUMENT", "label: stable"),
    "unknown signature": (request("encode_sound", text=["red"]), "FAILED_PRECONDITION", '"encode_sound" not found'),
    "default signature": (request("", text=["red"]), "FAILED_PRECONDITION", '"serving_default" not found'),
    "missing input": (request(), "INVALID_ARGUMENT", "Missing but required: {text}"),
    "misnamed input": (request(words=["red"]), "INVALID_ARGUMENT", "Sent extra: {words}"),
    "extra input": (request(text=["red"], more=["x"]), "INVALID_ARGUMENT", "Sent extra: {more}"),
    "wrong dtype": (request(text=[1.0]), "INVALID_ARGUMENT", "Expects string but float32 is provided"),
    "wrong rank": (request(text="red"), "INVALID_ARGUMENT", "Expects shape [?] but [] is provided"),
    "too few values": (with_shape([2, 2], []), "INVALID_ARGUMENT", "Expects shape [?]"),
    "too many values": (with_shape([1], [b"a", b"b"]), "INVALID_ARGUMENT", "tensor parsing error: text"),
    "negative size": (with_shape([-1], [b"a"]), "INVALID_ARGUMENT", "tensor parsing error: text"),
    "enormous size": (with_shape([2**40, 2**20], [b"a"]), "INVALID_ARGUMENT", "tensor parsing error: text"),
    "not an image": (
        request("encode_image", image_bytes=[b"hello"]),
        "INVALID_ARGUMENT",
        "Unknown image file format. One of JPEG, ",
    ),
}


@pytest.mark.parametrize("case", BAD_PREDICTIONS)
def test_a_bad_prediction_is_refused_with_tf_servings_code(prediction, case):
    bad, code, part = BAD_PREDICTIONS[case]
    given, message = refusal(prediction.Predict, bad)
    assert (given.name, part in message) == (code, True), message
    assert prediction.Predict(request(text=["red"]), timeout=20).outputs, "the server lives on"


def test_a_dtype_that_does_not_exist_is_refused(prediction):
    bad = request(text=["red"])
    bad.inputs["text"].dtype = 0
    assert refusal(prediction.Predict, bad)[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_a_long_message_is_cut(prediction):
    code, message = refusal(prediction.Predict, request("s" * 5000, text=["red"]))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert len(message) < 1100
    assert message.endswith("...TRUNCATED")


def test_metadata_states_the_signatures(prediction):
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    asked.model_spec.name = "align"
    response = prediction.GetModelMetadata(asked, timeout=20)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert {"encode_image", "encode_text", "evaluate"} <= set(signatures.signature_def)
    image_bytes = signatures.signature_def["encode_image"].inputs["image_bytes"]
    assert image_bytes.dtype == tf.string.as_datatype_enum
    assert [dim.size for dim in image_bytes.tensor_shape.dim] == [-1]
    assert response.model_spec.version.value == VERSION


@pytest.mark.parametrize(
    ("name", "fields", "code"),
    [
        (None, ["signature_def"], "INVALID_ARGUMENT"),
        ("", ["signature_def"], "INVALID_ARGUMENT"),
        ("align", [], "INVALID_ARGUMENT"),
        ("align", ["weights"], "INVALID_ARGUMENT"),
        ("clip", ["signature_def"], "NOT_FOUND"),
    ],
)
def test_bad_metadata_requests_are_refused(prediction, name, fields, code):
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    if name is not None:
        asked.model_spec.SetInParent()
        asked.model_spec.name = name
    assert refusal(prediction.GetModelMetadata, asked)[0].name == code


def status_of(models, name="align", version=None):
    asked = get_model_status_pb2.GetModelStatusRequest()
    asked.model_spec.name = name
    if version is not None:
        asked.model_spec.version.value = version
    return models.GetModelStatus(asked, timeout=20)


@pytest.mark.parametrize("version", [None, VERSION])
def test_status_says_available(models, version):
    (status,) = status_of(models, version=version).model_version_status
    assert status.version == VERSION
    assert status.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert status.HasField("status")
    assert status.status.error_code == 0


@pytest.mark.parametrize(("name", "version"), [("clip", None), ("align", 8), ("clip", VERSION)])
def test_status_of_what_is_not_served_is_not_found(models, name, version):
    with pytest.raises(grpc.RpcError) as caught:
        status_of(models, name, version)
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_status_without_a_model_is_an_invalid_argument(models):
    assert refusal(models.GetModelStatus, get_model_status_pb2.GetModelStatusRequest())[0].name == "INVALID_ARGUMENT"


def test_what_is_not_implemented_says_so(prediction, models):
    for call, message in (
        (prediction.Classify, classification_pb2.ClassificationRequest()),
        (prediction.Regress, regression_pb2.RegressionRequest()),
        (prediction.MultiInference, inference_pb2.MultiInferenceRequest()),
        (models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest()),
    ):
        assert refusal(call, message)[0] == grpc.StatusCode.UNIMPLEMENTED


def test_eight_clients_at_once_get_what_one_gets(server, coloured_png):
    texts = [f"{a} {b}" for a in ("red", "green", "blue", "grey") for b in ("red", "blue")]
    pictures = [coloured_png(31 * i, 255 - 31 * i, 7 * i) for i in range(8)]
    ready = threading.Barrier(8)

    def work(client: int) -> list[np.ndarray]:
        with grpc.insecure_channel(server.address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            ready.wait(timeout=20)
            found = []
            for turn in range(8):
                one = (client + turn) % 8
                for asked in (request(text=[texts[one]]), request("encode_image", image_bytes=[pictures[one]])):
                    found.append(tf.make_ndarray(stub.Predict(asked, timeout=30).outputs["embedding"])[0])
            order = [(client + turn) % 8 for turn in range(8)]
            return [found[2 * order.index(one) + kind] for kind in (0, 1) for one in range(8)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])
    assert len(np.unique(np.array(answers[0]).round(4), axis=0)) > 8, "different inputs have different answers"


def test_a_message_beyond_grpcs_default_limit_passes(prediction):
    response = prediction.Predict(request(text=["red " * 1_500_000]), timeout=60)
    assert tf.make_ndarray(response.outputs["embedding"]).shape == (1, 4)


def test_the_newest_complete_version_is_served(colour_model, tmp_path):
    for name in ("3", "0010", "9"):
        shutil.copytree(colour_model, tmp_path / name)
    with ModelServer(tmp_path, name="other", port=0) as server, grpc.insecure_channel(server.address) as channel:
        assert server.version == 10
        response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(
            request(model="other", text=["red"]), timeout=20
        )
        assert response.model_spec.version.value == 10


def test_a_taken_port_is_named(server, base):
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
        ModelServer(base, port=port)


def test_a_folder_without_a_complete_version_is_named(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(ValueError, match="no complete model version"):
        ModelServer(tmp_path, port=0)


def test_a_damaged_model_is_named(colour_model, tmp_path):
    shutil.copytree(colour_model, tmp_path / "4")
    (tmp_path / "4" / "saved_model.pb").write_bytes(b"\x08\x01nonsense")
    with pytest.raises(ValueError, match=r"4 cannot be loaded as a SavedModel"):
        ModelServer(tmp_path, port=0)


def test_stop_lets_a_request_in_work_end(base):
    server = ModelServer(base, port=0)
    server.start()
    with grpc.insecure_channel(server.address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        stub.Predict(request(text=["red"]), timeout=20)
        slow = stub.Predict.future(request(text=["red blue " * 1000] * 2000), timeout=60)
        quick = stub.Predict(request(text=["red"]), timeout=20)  # sent later on the same connection: slow is in work
        assert quick.outputs
        server.stop(grace_s=60)
        assert tf.make_ndarray(slow.result(timeout=60).outputs["embedding"]).shape == (2000, 4)
        assert refusal(stub.Predict, request(text=["red"]))[0] == grpc.StatusCode.UNAVAILABLE
