"""What TensorFlow Serving answers over gRPC: which fields are set, and how."""

from __future__ import annotations

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from serving.conformance.check import Checks, Differs, expect_equal
from serving.conformance.target import TIMEOUT_S, Target
from serving.signatures import EMBEDDING, ENCODE_IMAGE, ENCODE_TEXT, IMAGE_BYTES, TEXT

CHECKS = Checks()
AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
_PREDICT = "servables/tensorflow/predict_util.cc"


@CHECKS.add("an answer names model, version and signature", "servables/tensorflow/util.cc")
def _names_itself(target: Target) -> None:
    spec = target.predict(ENCODE_TEXT, TEXT, [b"cat"]).model_spec
    newest = max(status.version for status in target.status() if status.state == AVAILABLE)
    expect_equal(
        (spec.name, spec.version.value, spec.signature_name), (target.model, newest, ENCODE_TEXT), "the ModelSpec"
    )


@CHECKS.add("a version that is asked for answers", "model_servers/server_core.cc")
def _version_answers(target: Target) -> None:
    request = target.request(ENCODE_TEXT, text=[b"cat"])
    request.model_spec.version.value = target.status()[0].version
    response = target.prediction.Predict(request, timeout=TIMEOUT_S)
    expect_equal(response.model_spec.version.value, target.status()[0].version, "the version")


@CHECKS.add("numbers come in the dtype's own field, not as bytes", _PREDICT)
def _in_own_field(target: Target) -> None:
    proto = target.predict(ENCODE_TEXT, TEXT, [b"cat"]).outputs[EMBEDDING]
    if proto.tensor_content or len(proto.float_val) != proto.tensor_shape.dim[1].size:
        raise Differs(f"{len(proto.float_val)} values in float_val, {len(proto.tensor_content)} bytes of content")


@CHECKS.add("an output filter keeps its outputs alone", _PREDICT)
def _is_filtered(target: Target) -> None:
    request = target.request(ENCODE_TEXT, text=[b"cat"])
    request.output_filter.append(EMBEDDING)
    outputs = target.prediction.Predict(request, timeout=TIMEOUT_S).outputs
    expect_equal(sorted(outputs), [EMBEDDING], "the outputs")


@CHECKS.add("strings may come in the dtype's field, and one value for all of them", "TensorProto, of TensorFlow")
def _one_for_all(target: Target) -> None:
    request = target.request(ENCODE_TEXT, text=[b"cat"])
    request.inputs[TEXT].tensor_shape.dim[0].size = 3
    response = target.prediction.Predict(request, timeout=TIMEOUT_S)
    vectors = tf.make_ndarray(response.outputs[EMBEDDING])
    expect_equal(vectors.shape[0], 3, "rows of one value over a shape of 3")
    np.testing.assert_allclose(vectors, np.repeat(vectors[:1], 3, axis=0), atol=1e-5)


@CHECKS.add(
    "values past the shape are dropped, and missing ones are empty",
    "core/framework/tensor.cc, of TensorFlow",
    ours="such a tensor is refused with INVALID_ARGUMENT, since nobody means it",
)
def _any_number_of_values(target: Target) -> None:
    for values in ([b"cat", b"dog"], []):
        request = target.request(ENCODE_TEXT, text=[b"cat"])
        request.inputs[TEXT].string_val[:] = values
        try:
            vectors = tf.make_ndarray(target.prediction.Predict(request, timeout=TIMEOUT_S).outputs[EMBEDDING])
        except grpc.RpcError as error:
            raise Differs(f"{len(values)} values for a shape of one: {error.code().name}") from error
        expect_equal(len(vectors), 1, f"rows of {len(values)} values for a shape of one")


@CHECKS.add("metadata is one field, the map of signatures", "servables/tensorflow/get_model_metadata_impl.cc")
def _metadata(target: Target) -> None:
    response = target.metadata()
    expect_equal(sorted(response.metadata), ["signature_def"], "the fields")
    expect_equal(response.model_spec.name, target.model, "the name")
    expect_equal(response.model_spec.version.value > 0, True, "a version is stated")
    found = get_model_metadata_pb2.SignatureDefMap()
    if not response.metadata["signature_def"].Unpack(found):
        raise Differs("it is no tensorflow.serving.SignatureDefMap")
    for signature, name in ((ENCODE_TEXT, TEXT), (ENCODE_IMAGE, IMAGE_BYTES)):
        stated = found.signature_def[signature]
        expect_equal(sorted(stated.inputs), [name], f"the inputs of {signature}")
        expect_equal(stated.inputs[name].dtype, tf.string.as_datatype_enum, f"the dtype of {name}")
        expect_equal(stated.inputs[name].tensor_shape.dim[0].size, -1, "the batch's size")
        expect_equal(stated.method_name, "tensorflow/serving/predict", f"the method of {signature}")


@CHECKS.add("a status states version, state and no error", "model_servers/get_model_status_impl.cc")
def _status(target: Target) -> None:
    newest = max(target.status(), key=lambda status: status.version)
    expect_equal(newest.state, AVAILABLE, f"the state of version {newest.version}")
    expect_equal((newest.status.error_code, newest.status.error_message), (0, ""), "its error")


@CHECKS.add("a status does not look at a label", "model_servers/get_model_status_impl.cc")
def _label_is_ignored(target: Target) -> None:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name, request.model_spec.version_label = target.model, "nowhere"
    got = target.models.GetModelStatus(request, timeout=TIMEOUT_S).model_version_status
    expect_equal([one.version for one in got], [one.version for one in target.status()], "the versions")
