"""The Open Inference Protocol over HTTP, from a request's method, path and body to its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote

from serving.server.access_log import Access
from serving.server.core.spec import Caller
from serving.server.http_answer import Answer, http_status
from serving.server.open_inference.inference import EXTENSIONS, NAME, PLATFORM, OpenInference
from serving.server.open_inference.json_tensors import HEADER_LENGTH, read_request, write_answer
from serving.server.refusal import Refusal

_MODEL = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/ready|/infer)?")


class OpenInferenceHandler:
    """Answers the paths under /v2; may be called from many threads."""

    def __init__(self, inference: OpenInference) -> None:
        self._inference = inference

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, caller: Caller, access: Access
    ) -> Answer:
        """Answer one request.

        Args:
          method: of HTTP, in upper case.
          path: as the request line has it, without the query.
          headers: of the request.
          body: whole, not compressed.
          caller: who waits.
          access: where to write what the log says of it.
        """
        try:
            found = _MODEL.fullmatch(path.rstrip("/"))
            if found is None:
                return self._of_server(method, path.rstrip("/"))
            model, number, action = (unquote(part) for part in found.groups(default=""))
            access.model = model
            if action == "/infer" and method == "POST":
                request = read_request(model, number, body, headers.get(HEADER_LENGTH.lower()))
                return write_answer(request, self._inference.infer(request.asked, caller, access))
            if method not in ("GET", "HEAD") or action == "/infer":
                return _error(405, f"{method} is not allowed at {path}")
            if action == "/ready":
                is_ready = self._inference.is_model_ready(model, number)
                return _json({"name": model, "ready": is_ready}, 200 if is_ready else 503)
            metadata = self._inference.metadata(model, number)
            return _json({**asdict(metadata), "platform": PLATFORM})
        except Refusal as refusal:
            return _error(http_status(refusal.code), refusal.message)

    def _of_server(self, method: str, path: str) -> Answer:
        if method in ("GET", "HEAD"):
            if path == "/v2":
                return _json({"name": NAME, "version": version(NAME), "extensions": list(EXTENSIONS)})
            if path == "/v2/health/live":
                return _json({"live": True})
            if path == "/v2/health/ready":
                is_ready = self._inference.is_ready
                return _json({"ready": is_ready}, 200 if is_ready else 503)
        return _error(404, f"there is nothing at {path}")


def error_body(message: str) -> bytes:
    """Returns the JSON that says why a request is refused."""
    return json.dumps({"error": message}).encode()


def _json(content: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(content).encode())


def _error(status: int, message: str) -> Answer:
    return Answer(status, error_body(message))
