"""Predict and GetModelMetadata over gRPC: vectors, filters, and refusals in TF Serving's words."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
)

from components import schema
from predict_requests import VERSION, predict_request, refusal
from serving.encoders.saved_model import SavedModelEncoder


def test_texts_are_encoded_through_tf_texts_ops(prediction):
    response = prediction.Predict(predict_request(text=["RED", "green blue", "nothing"]), timeout=20)
    expected = np.array([[1, 0, 0, 0.1], [0, 1, 1, 0.1], [0, 0, 0, 0.1]], np.float32)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(tf.make_ndarray(response.outputs["embedding"]), expected, rtol=1e-6)
    assert response.outputs["embedding"].float_val, "TensorFlow Serving answers in the typed field"
    assert response.model_spec.version.value == VERSION
    assert response.model_spec.signature_name == "encode_text"


def test_served_vectors_are_the_in_process_vectors(prediction, colour_model, coloured_png):
    pictures = [coloured_png(200, 10, 0), coloured_png(0, 0, 0), coloured_png(1, 2, 255)]
    served = prediction.Predict(predict_request("encode_image", image_bytes=pictures), timeout=20)
    here = SavedModelEncoder(colour_model).encode_image(pictures)
    np.testing.assert_array_equal(tf.make_ndarray(served.outputs["embedding"]), here)


def example(picture: bytes, label: str) -> bytes:
    made = tf.train.Example()
    made.features.feature[schema.IMAGE_ENCODED].bytes_list.value.append(picture)
    made.features.feature[schema.CLASS_LABEL].bytes_list.value.append(label.encode())
    return made.SerializeToString()


def test_outputs_of_every_dtype_come_back(prediction, coloured_png):
    serialized = [example(coloured_png(255, 0, 0), "rouge é"), example(coloured_png(0, 0, 255), "")]
    outputs = prediction.Predict(predict_request("evaluate", examples=serialized), timeout=20).outputs
    assert set(outputs) == {"image_embedding", "caption_count", "label"}
    assert tf.make_ndarray(outputs["label"]).tolist() == ["rouge é".encode(), b""]
    assert tf.make_ndarray(outputs["caption_count"]).tolist() == [1, 1]
    assert outputs["caption_count"].dtype == tf.int64.as_datatype_enum
    assert tf.make_ndarray(outputs["image_embedding"]).shape == (2, 4)


def test_output_filter_is_honoured(prediction, coloured_png):
    asked = predict_request("evaluate", examples=[example(coloured_png(255, 0, 0), "x")])
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
    assert message == (
        "output tensor alias not found in signature: logits Outputs expected to be in the set "
        "{caption_count,image_embedding,label}."
    )


def test_an_empty_batch_is_answered_with_no_rows(prediction):
    response = prediction.Predict(predict_request(text=np.array([], dtype=object).astype("S")), timeout=20)
    assert tf.make_ndarray(response.outputs["embedding"]).shape == (0, 4)


def with_version(version: int):
    made = predict_request(text=["red"])
    made.model_spec.version.value = version
    return made


def with_label(label: str):
    made = predict_request(text=["red"])
    made.model_spec.version_label = label
    return made


def with_shape(sizes, values):
    made = predict_request(text=["red"])
    tensor = made.inputs["text"]
    tensor.Clear()
    tensor.dtype = tf.string.as_datatype_enum
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    tensor.string_val.extend(values)
    return made


NOT_READ = "tensor parsing error: text"
BAD_PREDICTIONS = {  # request, code, the whole message
    "no model spec": (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
    "no name": (predict_request(model="", text=["red"]), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
    "unknown model": (
        predict_request(model="clip", text=["red"]),
        "NOT_FOUND",
        "Servable not found for request: Latest(clip)",
    ),
    "unknown version": (with_version(6), "NOT_FOUND", "Servable not found for request: Specific(align, 6)"),
    "half-written version": (with_version(8), "NOT_FOUND", "Servable not found for request: Specific(align, 8)"),
    "unknown label": (with_label("stable"), "INVALID_ARGUMENT", "Unrecognized servable version label: stable"),
    "unknown signature": (
        predict_request("encode_sound", text=["red"]),
        "FAILED_PRECONDITION",
        'Serving signature key "encode_sound" not found.',
    ),
    "default signature": (
        predict_request("", text=["red"]),
        "FAILED_PRECONDITION",
        'Serving signature key "serving_default" not found.',
    ),
    "missing input": (
        predict_request(),
        "INVALID_ARGUMENT",
        "input size does not match signature: 0!=1 len({}) != len({text}). Sent extra: {}. "
        "Missing but required: {text}.",
    ),
    "misnamed input": (
        predict_request(words=["red"]),
        "INVALID_ARGUMENT",
        "Signature input alias: text(feed name: encode_text_text:0) not found in request and no default value "
        "provided. Inputs expected to be in the request {words}, or default input alias set: ",
    ),
    "extra input": (
        predict_request(text=["red"], more=["x"]),
        "INVALID_ARGUMENT",
        "input size does not match signature: 2!=1 len({more,text}) != len({text}). Sent extra: {more}. "
        "Missing but required: {}.",
    ),
    "wrong dtype": (
        predict_request(text=[1.0]),
        "INVALID_ARGUMENT",
        "Expects arg[0] to be string but float is provided",
    ),
    "a scalar": (
        predict_request(text="red"),
        "INVALID_ARGUMENT",
        "Expects arg[0] to have the shape [?] but [] is provided",
    ),
    "a matrix": (
        with_shape([2, 2], []),
        "INVALID_ARGUMENT",
        "Expects arg[0] to have the shape [?] but [2,2] is provided",
    ),
    "too many values": (with_shape([1], [b"a", b"b"]), "INVALID_ARGUMENT", NOT_READ),
    "negative size": (with_shape([-1], [b"a"]), "INVALID_ARGUMENT", NOT_READ),
    "enormous size": (with_shape([2**40, 2**20], [b"a"]), "INVALID_ARGUMENT", NOT_READ),
    "size of gigabytes": (with_shape([2**31], [b"a"]), "INVALID_ARGUMENT", NOT_READ),
}


@pytest.mark.parametrize("case", BAD_PREDICTIONS)
def test_a_bad_prediction_is_refused_with_tf_servings_code(prediction, case):
    bad, code, said = BAD_PREDICTIONS[case]
    given, message = refusal(prediction.Predict, bad)
    assert (given.name, message) == (code, said)
    assert prediction.Predict(predict_request(text=["red"]), timeout=20).outputs, "the server lives on"


def test_a_picture_that_is_none_is_refused_in_the_runtimes_words(prediction):
    code, message = refusal(prediction.Predict, predict_request("encode_image", image_bytes=[b"hello"]))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "Unknown image file format. One of JPEG, " in message


def test_one_value_fills_a_shape(prediction):
    outputs = prediction.Predict(with_shape([3], [b"red"]), timeout=20).outputs
    rows = tf.make_ndarray(outputs["embedding"])
    assert rows.shape == (3, 4)
    np.testing.assert_array_equal(rows[1:], rows[:2])


def test_a_dtype_that_does_not_exist_is_refused(prediction):
    bad = predict_request(text=["red"])
    bad.inputs["text"].dtype = 0
    assert refusal(prediction.Predict, bad)[0] == grpc.StatusCode.INVALID_ARGUMENT


def test_a_long_message_is_cut(prediction):
    code, message = refusal(prediction.Predict, predict_request("s" * 5000, text=["red"]))
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
    ("name", "fields", "code", "said"),
    [
        (None, ["signature_def"], "INVALID_ARGUMENT", "Missing ModelSpec"),
        ("", ["signature_def"], "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        ("align", [], "INVALID_ARGUMENT", "GetModelMetadataRequest must specify at least one metadata_field"),
        ("", ["weights"], "INVALID_ARGUMENT", "Metadata field weights is not supported"),
        ("clip", ["signature_def"], "NOT_FOUND", "Servable not found for request: Latest(clip)"),
    ],
)
def test_bad_metadata_requests_are_refused(prediction, name, fields, code, said):
    asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    if name is not None:
        asked.model_spec.SetInParent()
        asked.model_spec.name = name
    given, message = refusal(prediction.GetModelMetadata, asked)
    assert (given.name, message) == (code, said)


def test_a_caller_without_a_deadline_is_answered(prediction):
    assert prediction.Predict(predict_request(text=["red"])).outputs["embedding"].tensor_shape.dim[0].size == 1
