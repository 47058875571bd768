"""How a request is refused: a canonical status code and a message, raised anywhere below a gRPC method."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

MESSAGE_LIMIT = 1024  # characters; TensorFlow Serving cuts its messages there too


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


@contextmanager
def refusals_sent(context: grpc.ServicerContext) -> Iterator[None]:
    """Turn a Refusal raised inside the block into the call's status."""
    try:
        yield
    except Refusal as refusal:
        message = refusal.message
        if len(message) > MESSAGE_LIMIT:
            message = message[:MESSAGE_LIMIT] + "...TRUNCATED"
        context.abort(refusal.code, message)


def unimplemented(request: object, context: grpc.ServicerContext) -> None:
    """Answer a method of TensorFlow Serving's API that this server does not have."""
    context.abort(
        grpc.StatusCode.UNIMPLEMENTED,
        f"{type(request).__name__} is not implemented here; use Predict, GetModelMetadata or GetModelStatus",
    )
