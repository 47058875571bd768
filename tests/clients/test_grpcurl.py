"""grpcurl, which learns the services and messages by reflection."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest

from clients_of_others import GRPCURL, VERSION, ran

pytestmark = pytest.mark.clients
PREDICT = "tensorflow.serving.PredictionService/Predict"


def call(served, method: str, request: dict) -> dict:
    """Returns the answer, its fields called as in the .proto; what grpcurl calls them hangs on the stack's protobuf."""
    said = ran(GRPCURL, "-plaintext", "-d", "@", served.grpc, method, given=json.dumps(request))
    return json.loads(re.sub(r'"\w+":', lambda key: re.sub("[A-Z]", lambda big: f"_{big[0].lower()}", key[0]), said))


def predicted(served, signature: str, name: str, values: list[bytes]) -> np.ndarray:
    tensor = {
        "dtype": "DT_STRING",
        "tensorShape": {"dim": [{"size": len(values)}]},
        "stringVal": [base64.b64encode(value).decode() for value in values],
    }
    request = {"modelSpec": {"name": "align", "signatureName": signature}, "inputs": {name: tensor}}
    answer = call(served, PREDICT, request)["outputs"]["embedding"]
    shape = [int(dim["size"]) for dim in answer["tensor_shape"]["dim"]]
    return np.reshape(answer["float_val"], shape)


def test_services_are_listed_and_described(served):
    services = ran(GRPCURL, "-plaintext", served.grpc, "list").split()
    assert {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
    } <= set(services)
    described = ran(GRPCURL, "-plaintext", served.grpc, "describe", "tensorflow.serving.PredictRequest")
    assert "map<string, .tensorflow.TensorProto> inputs = 2;" in described


def test_texts_and_images_are_encoded(served):
    texts = [text.encode() for text in served.texts]
    np.testing.assert_allclose(predicted(served, "encode_text", "text", texts), served.text_vectors, atol=1e-6)
    images = predicted(served, "encode_image", "image_bytes", served.images)
    np.testing.assert_allclose(images, served.image_vectors, atol=1e-6)


def test_status_and_health(served):
    status = call(served, "tensorflow.serving.ModelService/GetModelStatus", {"modelSpec": {"name": "align"}})
    assert status["model_version_status"] == [{"version": str(VERSION), "state": "AVAILABLE", "status": {}}]
    assert call(served, "grpc.health.v1.Health/Check", {"service": "align"}) == {"status": "SERVING"}
