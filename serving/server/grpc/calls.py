"""What each call of a gRPC method goes through: so many at once, measured, logged, and its refusal as its status."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from serving.server.access_log import Access, AccessLog
from serving.server.core.spec import Caller
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import Refusal

FOREVER_S = 1e9  # gRPC says 300 billion years of a call without a deadline, which no lock can wait for
MESSAGE_LIMIT = 1024  # characters; TensorFlow Serving cuts its messages there too (grpc_status_util.cc)


class Calls:
    """Takes the calls of a server's methods.

    Args:
      limit: calls in work at once; one more is refused at once.
      access_log: where each is written.
      monitoring: what counts those that are refused unread; the others are counted by who answers them.
    """

    def __init__(self, limit: int, access_log: AccessLog, monitoring: Monitoring) -> None:
        self._limit = limit
        self._in_work, self._lock = 0, threading.Lock()
        self._access_log, self._monitoring = access_log, monitoring

    @property
    def are_full(self) -> bool:
        """Whether no place is free."""
        return self._in_work >= self._limit

    @contextmanager
    def take(self, context: grpc.ServicerContext, method: str) -> Iterator[Access]:
        """Log a call; a Refusal inside the block becomes its status."""
        try:
            with self._access_log.request("GRPC", method, context.peer()) as access:
                yield access
        except Refusal as refusal:
            message = refusal.message
            if len(message) > MESSAGE_LIMIT:
                message = message[:MESSAGE_LIMIT] + "...TRUNCATED"
            context.abort(refusal.code, message)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places; raises Refusal with RESOURCE_EXHAUSTED where none is free."""
        with self._lock:
            if self.are_full:
                raise self._refusal()
            self._in_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._in_work -= 1

    def refuse(self, context: grpc.ServicerContext, method: str) -> None:
        """Refuse a call of which nothing was read, for want of a place."""
        with self.take(context, method), self._monitoring.request(api=method, entrypoint="GRPC", model=""):
            raise self._refusal()

    def _refusal(self) -> Refusal:
        return Refusal(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"{self._limit} requests are in work, which is the limit; send this one again later",
        )


def caller_of(context: grpc.ServicerContext) -> Caller:
    """Returns who waits for a call's answer."""
    remaining = context.time_remaining()
    is_patient = remaining is None or remaining > FOREVER_S
    return Caller(math.inf if is_patient else time.monotonic() + remaining, context.is_active)
