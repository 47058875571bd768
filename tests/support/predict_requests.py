"""What the tests of the server share: a request as a client makes it, and how a bad one is refused."""

from __future__ import annotations

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

VERSION = 7  # of the model that tests/serving/conftest.py has served


def predict_request(signature: str = "encode_text", model: str = "align", **inputs) -> predict_pb2.PredictRequest:
    """Returns a request with one input for each keyword."""
    made = predict_pb2.PredictRequest()
    made.model_spec.name = model
    made.model_spec.signature_name = signature
    for name, value in inputs.items():
        made.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return made


def refusal(call, message) -> tuple[grpc.StatusCode, str]:
    """Returns code and message of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(message, timeout=20)
    return caught.value.code(), caught.value.details()
