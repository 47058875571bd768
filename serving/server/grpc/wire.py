"""From the bytes of a call to a request message, and from a service to gRPC's table of methods.

gRPC's own way writes a traceback for each request that is none, so that one client can fill the log. It also takes a
message with junk behind it for whole where protobuf only warns.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent import futures
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from serving.server.grpc.calls import Calls
from serving.server.refusal import Refusal

Answer = Callable[[Any, grpc.ServicerContext], Any]


def add_methods(
    server: grpc.Server,
    service: str,
    methods: Mapping[str, tuple[type[Any], Answer]],
    calls: Calls,
    placed: Collection[str] = (),
) -> None:
    """Let a server answer the methods of a service.

    Args:
      server: which one.
      service: its full name.
      methods: name -> (class of the request, what answers it).
      calls: what a request that is none is refused through.
      placed: names of the methods that hold a place while they are answered.
    """
    handlers = {
        f"/{service}/{name}": grpc.unary_unary_rpc_method_handler(
            _reading(name, request_class, answer, calls), response_serializer=_written
        )
        for name, (request_class, answer) in methods.items()
    }
    refusing = {f"/{service}/{name}": grpc.stream_unary_rpc_method_handler(_Refusing(name, calls)) for name in placed}
    server.add_generic_rpc_handlers((_Handlers(handlers, refusing, calls),))


class _Handlers(grpc.GenericRpcHandler):
    """Finds what answers a method, or what refuses it while no place is free."""

    def __init__(self, answering: Mapping[str, Any], refusing: Mapping[str, Any], calls: Calls) -> None:
        self._answering, self._refusing, self._calls = answering, refusing, calls

    def service(self, handler_call_details: Any) -> Any:
        method = handler_call_details.method
        refusing = self._refusing.get(method) if self._calls.are_full else None
        return refusing or self._answering.get(method)


class _Here(futures.ThreadPoolExecutor):
    """Runs what it is given before `submit` returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future:
        done: futures.Future = futures.Future()
        done.set_result(fn(*args, **kwargs))
        return done


class _Refusing:
    """Refuses a call of a method without reading its request, which as a stream gRPC leaves unread.

    It runs in the thread that takes calls in: that takes half the CPU time, and when the cores are busy each hand-over
    to another thread costs milliseconds.
    """

    experimental_thread_pool = _Here(1)  # gRPC's own name; without it a refusal takes one of the pool's threads

    def __init__(self, method: str, calls: Calls) -> None:
        self._method, self._calls = method, calls

    def __call__(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> None:
        self._calls.refuse(context, self._method)


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
