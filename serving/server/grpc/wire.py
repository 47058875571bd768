"""From the bytes of a call to a request message, and from a service to gRPC's table of methods.

gRPC's own way writes a traceback for each request that is none, so that one client can fill the log. It also takes a
message with junk behind it for whole where protobuf only warns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from serving.server.grpc.calls import Calls
from serving.server.refusal import Refusal

Answer = Callable[[Any, grpc.ServicerContext], Any]


def add_methods(
    server: grpc.Server, service: str, methods: Mapping[str, tuple[type[Any], Answer]], calls: Calls
) -> None:
    """Let a server answer the methods of a service.

    Args:
      server: which one.
      service: its full name.
      methods: name -> (class of the request, what answers it).
      calls: what a request that is none is refused through.
    """
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            _reading(name, request_class, answer, calls), response_serializer=_written
        )
        for name, (request_class, answer) in methods.items()
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))


def _reading(name: str, request_class: type[Any], answer: Answer, calls: Calls) -> Answer:
    """Returns what answers the bytes of a request; INTERNAL for those that are none, as gRPC for C++ has it."""

    def read_and_answer(sent: bytes, context: grpc.ServicerContext) -> Any:
        request = request_class()
        try:
            is_whole = request.MergeFromString(sent) == len(sent)
        except DecodeError:
            is_whole = False
        if not is_whole:
            with calls.take(context, name) as access:
                access.request_bytes = len(sent)
                raise Refusal(grpc.StatusCode.INTERNAL, f"the request is no {request_class.DESCRIPTOR.full_name}")
        return answer(request, context)

    return read_and_answer


def _written(response: Any) -> bytes:
    return bytes(response.SerializeToString())
