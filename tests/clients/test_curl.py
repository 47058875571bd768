"""curl, on TensorFlow Serving's REST."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from clients_of_others import VERSION, ran

pytestmark = pytest.mark.clients


def curl(*words: object) -> str:
    """Returns the body; curl itself fails on a status of 400 and above."""
    return ran("curl", "--silent", "--show-error", "--fail", *words)


def test_rows_and_columns_of_texts(served):
    url = f"http://{served.http}/v1/models/align:predict"
    rows = json.loads(curl("--data", json.dumps({"instances": served.texts}), url))
    np.testing.assert_allclose(rows["predictions"], served.text_vectors, atol=1e-6)
    columns = json.loads(curl("--data", json.dumps({"inputs": served.texts}), url))
    np.testing.assert_allclose(columns["outputs"], served.text_vectors, atol=1e-6)


def test_images_from_a_file(served, tmp_path):
    encoded = [{"b64": base64.b64encode(image).decode()} for image in served.images]
    (tmp_path / "body.json").write_text(json.dumps({"signature_name": "encode_image", "instances": encoded}))
    body = f"@{tmp_path}/body.json"
    rows = json.loads(curl("--data", body, f"http://{served.http}/v1/models/align/versions/{VERSION}:predict"))
    np.testing.assert_allclose(rows["predictions"], served.image_vectors, atol=1e-6)


def test_status_metadata_and_metrics(served):
    status = json.loads(curl(f"http://{served.http}/v1/models/align"))
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    metadata = json.loads(curl(f"http://{served.http}/v1/models/align/metadata"))
    assert "encode_image" in metadata["metadata"]["signature_def"]["signature_def"]
    assert ":tensorflow:serving:request_count" in curl(f"http://{served.http}/monitoring/prometheus/metrics")


def test_a_refusal_has_its_status_and_words(served):
    words = ran("curl", "--silent", "--write-out", "%{http_code}", f"http://{served.http}/v1/models/another")
    assert words == '{\n    "error": "Could not find any versions of model another"\n}404'
