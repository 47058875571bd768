"""What an HTTP request is answered with, of whatever protocol; and the status of HTTP for each canonical code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import grpc

JSON: Mapping[str, str] = {"Content-Type": "application/json"}
_STATUS = {  # ToHTTPStatusCode of tensorflow/serving's model_servers/http_server.cc; every other code is 500
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}


@dataclass(frozen=True)
class Answer:
    """What goes back.

    Attributes:
      status: of HTTP.
      body: of the answer.
      headers: name -> value.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


def http_status(code: grpc.StatusCode) -> int:
    """Returns the HTTP status that TensorFlow Serving answers a canonical code with."""
    return _STATUS.get(code, 500)
