"""Triton's client, which speaks the Open Inference Protocol over HTTP and gRPC, as KServe's clients do."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from clients_of_others import VERSION, in_python

pytestmark = pytest.mark.clients

PROGRAM = """
import tritonclient.{kind} as triton
client = triton.InferenceServerClient(given["address"])

def ask(model, name, values, **more):
    sent = triton.InferInput(name, [len(values)], "BYTES")
    sent.set_data_from_numpy(np.array(values, dtype=object))
    result = client.infer(model, [sent], outputs=[triton.InferRequestedOutput("embedding")], **more)
    return result.as_numpy("embedding").tolist()

def is_ready(model):
    try:
        return client.is_model_ready(model)
    except triton.InferenceServerException:
        return False

texts = [text.encode() for text in given["texts"]]
images = [base64.b64decode(image) for image in given["images"]]
metadata = client.get_model_metadata("align"{as_json})
answer = {{
    "live": client.is_server_live(), "ready": client.is_server_ready(), "model": client.is_model_ready("align"),
    "another": is_ready("another"),
    "inputs": [[one["name"], one["datatype"], [int(size) for size in one["shape"]]] for one in metadata["inputs"]],
    "texts": ask("align", "text", texts),
    "version": ask("align", "text", texts, model_version=given["version"]),
    "images": ask("align:encode_image", "image_bytes", images),
    "none": ask("align", "text", []) if given["none"] else [],
}}
try:
    ask("another", "text", texts)
except triton.InferenceServerException as error:
    answer["missing"] = error.message()
try:
    ask("align:encode_image", "image_bytes", [b"no image"])
except triton.InferenceServerException as error:
    answer["refused"] = error.message()
"""


@pytest.mark.parametrize(("kind", "as_json"), [("http", ""), ("grpc", ", as_json=True")])
def test_vectors_are_those_of_the_model(served, kind, as_json):
    answer = in_python(
        PROGRAM.format(kind=kind, as_json=as_json),
        address=getattr(served, kind),
        texts=served.texts,
        images=[base64.b64encode(image).decode() for image in served.images],
        version=str(VERSION),
        none=kind == "grpc",  # over HTTP the client itself cannot write an empty tensor
    )
    np.testing.assert_allclose(answer["texts"], served.text_vectors, atol=1e-6)
    np.testing.assert_allclose(answer["version"], served.text_vectors, atol=1e-6)
    np.testing.assert_allclose(answer["images"], served.image_vectors, atol=1e-6)
    assert (answer["live"], answer["ready"], answer["model"], answer["another"]) == (True, True, True, False)
    assert answer["inputs"] == [["text", "BYTES", [-1]]]
    assert answer["none"] == []
    assert "another" in answer["missing"]
    assert answer["refused"]
