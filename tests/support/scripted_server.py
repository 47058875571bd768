"""A gRPC server of Predict that answers as a test says, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from serving.calling.messages import PREDICT, PredictRequest, PredictResponse


@dataclass
class Scripted:
    """What was asked so far.

    Attributes:
      server: itself.
      port: of 127.0.0.1 or localhost.
      asked: each request and its headers, in the order of arrival.
      most_at_once: requests that were in work at one time, at most.
    """

    server: grpc.Server
    port: int = 0
    asked: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    most_at_once: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it at once."""
        self.server.stop(None).wait()


def vectors_of(request: Any) -> PredictResponse:
    """Returns an answer whose n-th row is [the number that the n-th input is, 0.5]."""
    response = PredictResponse()
    (tensor,) = request.inputs.values()
    rows = [(float(value), 0.5) for value in tensor.string_val]
    proto = response.outputs["embedding"]
    proto.dtype = 1
    proto.float_val.extend(number for row in rows for number in row)
    for size in (len(rows), 2):
        proto.tensor_shape.dim.add(size=size)
    return response


@contextmanager
def scripted_server(
    answer: Callable[[Any, grpc.ServicerContext, int], Any],
    credentials: grpc.ServerCredentials | None = None,
    port: int = 0,
) -> Iterator[Scripted]:
    """Serve `answer(request, context, n)`, n counting from 0; port 0 takes a free one."""
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    seen, lock, in_work = Scripted(server), threading.Lock(), [0]

    def predict(request: Any, context: grpc.ServicerContext) -> Any:
        with lock:
            seen.asked.append((request, dict(context.invocation_metadata())))
            number = len(seen.asked) - 1
            in_work[0] += 1
            seen.most_at_once = max(seen.most_at_once, in_work[0])
        try:
            return answer(request, context, number)
        finally:
            with lock:
                in_work[0] -= 1

    service, method = PREDICT.strip("/").split("/")
    handler = grpc.unary_unary_rpc_method_handler(predict, PredictRequest.FromString, PredictResponse.SerializeToString)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    if credentials is None:
        seen.port = server.add_insecure_port(f"127.0.0.1:{port}")
    else:
        seen.port = server.add_secure_port(f"127.0.0.1:{port}", credentials)
    server.start()
    try:
        yield seen
    finally:
        seen.stop()
