"""gRPC server reflection: what tools such as grpcurl ask to learn the services and messages of a server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from serving.server.open_inference import messages

# These describe their services and then write to what protobuf 6 lets nobody write to.
with suppress(AttributeError):
    from tensorflow_serving.apis import model_service_pb2  # noqa: F401
with suppress(AttributeError):
    from tensorflow_serving.apis import prediction_service_pb2  # noqa: F401

STREAMS = 4  # at once; each holds a thread for as long as its client keeps it open


class Pools:
    """Asks one descriptor pool after the other, as one pool."""

    def __init__(self, *pools: descriptor_pool.DescriptorPool) -> None:
        self._pools = pools

    def FindFileByName(self, name: str) -> Any:
        """Returns a file by its name; raises KeyError."""
        return self._first("FindFileByName", name)

    def FindFileContainingSymbol(self, name: str) -> Any:
        """Returns the file that describes a name; raises KeyError."""
        return self._first("FindFileContainingSymbol", name)

    def FindMessageTypeByName(self, name: str) -> Any:
        """Returns a message by its name; raises KeyError."""
        return self._first("FindMessageTypeByName", name)

    def FindExtensionByNumber(self, message: Any, number: int) -> Any:
        """Returns an extension of a message; raises KeyError. The first pool alone has any."""
        return self._pools[0].FindExtensionByNumber(message, number)

    def FindAllExtensions(self, message: Any) -> Any:
        """Returns the extensions of a message. The first pool alone has any."""
        return self._pools[0].FindAllExtensions(message)

    def _first(self, method: str, name: str) -> Any:
        for pool in self._pools[:-1]:
            with suppress(KeyError):
                return getattr(pool, method)(name)
        return getattr(self._pools[-1], method)(name)


class Reflection(reflection.ReflectionServicer):
    """Answers to STREAMS clients at once."""

    def __init__(self, services: Sequence[str]) -> None:
        pools = Pools(descriptor_pool.Default(), messages.POOL)
        super().__init__((*services, reflection.SERVICE_NAME), pool=pools)
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
