"""How a request is refused: a canonical status code and a message, raised anywhere below a protocol."""

from __future__ import annotations

import grpc


class Refusal(Exception):
    """A request that cannot be answered.

    Attributes:
      code: one of gRPC's status codes.
      message: one sentence for whoever sent the request.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid_argument(message: str) -> Refusal:
    """Returns the Refusal of a request that no state of the server would answer."""
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
