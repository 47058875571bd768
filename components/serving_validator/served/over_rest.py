"""Asks a server over TensorFlow Serving's REST API, in its column format: g3doc/api_rest.md of tensorflow/serving."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Sequence

import numpy as np

from components.serving_validator.checks import Floats
from components.serving_validator.sample import Question
from components.serving_validator.served.door import DEADLINE_S, Refused
from serving.signatures import IMAGE_BYTES, MODEL_NAME

CODES = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 412: "FAILED_PRECONDITION", 429: "RESOURCE_EXHAUSTED"}


class RestDoor:
    """A server's address on this machine; each request has a connection of its own."""

    protocol = "REST"

    def __init__(self, address: str) -> None:
        """Take host:port."""
        self._url = f"http://{address}/v1/models/{MODEL_NAME}:predict"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # no proxy for this machine

    def ask(self, question: Question) -> Floats:
        """Returns the output that is asked for; raises Refused."""
        inputs = {name: _in_json(name, values) for name, values in question.inputs.items()}
        asked = json.dumps({"signature_name": question.signature, "inputs": inputs}).encode()
        request = urllib.request.Request(self._url, asked, {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=DEADLINE_S) as answer:
                outputs = json.loads(answer.read())["outputs"]
        except urllib.error.HTTPError as error:
            told = error.read().decode("utf-8", "replace")
            raise Refused(CODES.get(error.code, f"HTTP {error.code}"), told) from error
        except (OSError, ValueError, KeyError) as error:
            raise Refused("UNAVAILABLE", str(error)) from error
        return np.array(outputs[question.output] if isinstance(outputs, dict) else outputs, np.float32)


def _in_json(name: str, values: Sequence[bytes]) -> list[object]:
    if name == IMAGE_BYTES:
        return [{"b64": base64.b64encode(value).decode()} for value in values]
    return [value.decode() for value in values]
