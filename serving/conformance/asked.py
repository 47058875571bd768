"""The gRPC requests that are refused: a right one of each method, and what is changed to make it wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
)

from serving.conformance.target import Target
from serving.signatures import ENCODE_TEXT, TEXT

Asked = Callable[[Target], tuple[Any, Any]]  # the stub's method and its request


def predict(change: Callable[[Any], None], signature: str = ENCODE_TEXT, **inputs: Any) -> Asked:
    """Returns a PredictRequest for a signature and its inputs, changed."""

    def asked(target: Target) -> tuple[Any, Any]:
        request = target.request(signature, **(inputs or {TEXT: [b"cat"]}))
        change(request)
        return target.prediction.Predict, request

    return asked


def status(change: Callable[[Any], None]) -> Asked:
    """Returns a GetModelStatusRequest, changed."""

    def asked(target: Target) -> tuple[Any, Any]:
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = target.model
        change(request)
        return target.models.GetModelStatus, request

    return asked


def metadata(change: Callable[[Any], None]) -> Asked:
    """Returns a GetModelMetadataRequest, changed."""

    def asked(target: Target) -> tuple[Any, Any]:
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = target.model
        change(request)
        return target.prediction.GetModelMetadata, request

    return asked


def on_examples(method: str, message: Any, signature: str = "") -> Asked:
    """Returns a request of Classify or Regress with one empty Example."""

    def asked(target: Target) -> tuple[Any, Any]:
        request = message()
        request.model_spec.name = target.model
        request.model_spec.signature_name = signature
        request.input.example_list.examples.add()
        return getattr(target.prediction, method), request

    return asked


def bare(method: str, message: Any) -> Asked:
    """Returns an empty request."""
    return lambda target: (getattr(target.prediction, method), message())


def named(name: str) -> Callable[[Any], None]:
    """Returns what sets the name."""
    return lambda request: setattr(request.model_spec, "name", name)


def versioned(version: int) -> Callable[[Any], None]:
    """Returns what sets the version."""
    return lambda request: setattr(request.model_spec.version, "value", version)


def labelled(label: str) -> Callable[[Any], None]:
    """Returns what sets the label."""
    return lambda request: setattr(request.model_spec, "version_label", label)


def set_input(name: str, value: Any) -> Callable[[Any], None]:
    """Returns what sets an input."""
    return lambda request: request.inputs[name].CopyFrom(tf.make_tensor_proto(value))


def no_spec(request: Any) -> None:
    """Take the ModelSpec away."""
    request.ClearField("model_spec")


def as_is(request: Any) -> None:
    """Change nothing."""


def renamed(request: Any) -> None:
    """Send the text under another name."""
    request.inputs["txet"].CopyFrom(request.inputs.pop(TEXT))


def unknown_size(request: Any) -> None:
    """State a shape whose size is not known."""
    request.inputs[TEXT].tensor_shape.dim[0].size = -1


def two_tasks_of_one(target: Target) -> tuple[Any, Any]:
    """Ask for a signature twice."""
    request = inference_pb2.MultiInferenceRequest()
    for _ in range(2):
        task = request.tasks.add(method_name="tensorflow/serving/regress")
        task.model_spec.name, task.model_spec.signature_name = target.model, ENCODE_TEXT
    return target.prediction.MultiInference, request


def reload_of_another_kind(target: Target) -> tuple[Any, Any]:
    """Ask for a configuration without a list of models."""
    return target.models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest()
