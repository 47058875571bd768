"""gRPC server reflection: what tools such as grpcurl ask to learn the services and messages of a server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

STREAMS = 4  # at once; each holds a thread for as long as its client keeps it open


class Reflection(reflection.ReflectionServicer):
    """Answers to STREAMS clients at once."""

    def __init__(self, services: Sequence[str]) -> None:
        super().__init__((*services, reflection.SERVICE_NAME))
        self._free = threading.BoundedSemaphore(STREAMS)

    def ServerReflectionInfo(self, request_iterator: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        """Answer each question of a stream."""
        if not self._free.acquire(blocking=False):
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{STREAMS} clients use reflection, which is the limit")
        try:
            yield from super().ServerReflectionInfo(request_iterator, context)
        finally:
            self._free.release()


def add_reflection(server: grpc.Server, services: Sequence[str]) -> None:
    """Let a server answer for services by their full names."""
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(Reflection(services), server)
