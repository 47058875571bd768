"""OpenVINO Model Server's Python client, which speaks TensorFlow Serving's gRPC and REST."""

from __future__ import annotations

import numpy as np
import pytest

from clients_of_others import VERSION, in_python

pytestmark = pytest.mark.clients


# Without a version it asks for version 0, which is the newest to its own server alone: TensorFlow Serving has none.


def test_over_grpc(served):
    answer = in_python(
        """
import ovmsclient
client = ovmsclient.make_grpc_client(given["address"])
version, texts = given["version"], np.array([text.encode() for text in given["texts"]])
answer = {
    "status": client.get_model_status("align", version),
    "metadata": client.get_model_metadata("align", version),
    "vectors": client.predict({"text": texts}, "align", version).tolist(),
}
try:
    client.predict({"words": np.array([b"cat"])}, "align", version)
except ovmsclient.tfs_compat.base.errors.InvalidInputError as error:
    answer["refused"] = str(error)
try:
    client.predict({"text": np.array([b"cat"])}, "another", 1)
except ovmsclient.tfs_compat.base.errors.ModelNotFoundError as error:
    answer["missing"] = str(error)
""",
        address=served.grpc,
        texts=served.texts,
        version=VERSION,
    )
    np.testing.assert_allclose(answer["vectors"], served.text_vectors, atol=1e-6)
    assert answer["status"] == {str(VERSION): {"state": "AVAILABLE", "error_code": 0, "error_message": ""}}
    assert answer["metadata"]["model_version"] == VERSION
    assert answer["metadata"]["inputs"] == {"text": {"dtype": "DT_STRING", "shape": [-1]}}
    assert answer["metadata"]["outputs"] == {"embedding": {"dtype": "DT_FLOAT", "shape": [-1, 2]}}
    assert "text" in answer["refused"]
    assert "Servable not found for request: Specific(another, 1)" in answer["missing"]


def test_over_http(served):
    answer = in_python(
        """
import ovmsclient
client = ovmsclient.make_http_client(given["address"])
version = given["version"]
answer = {
    "status": client.get_model_status("align", version),
    "vectors": client.predict({"text": given["texts"]}, "align", version).tolist(),
}
try:
    client.predict({"words": ["cat"]}, "align", version)
except ovmsclient.tfs_compat.base.errors.InvalidInputError as error:
    answer["refused"] = str(error)
""",
        address=served.http,
        texts=served.texts,
        version=VERSION,
    )
    np.testing.assert_allclose(answer["vectors"], served.text_vectors, atol=1e-6)
    assert answer["status"] == {str(VERSION): {"state": "AVAILABLE", "error_code": 0, "error_message": ""}}
    assert "Missing named input: text in 'inputs' object." in answer["refused"]
