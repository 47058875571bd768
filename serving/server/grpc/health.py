"""grpc.health.v1: whether the server, a service of it or a model answers requests.

The package's own servicer holds a lock while it sends. A watcher that leaves at that moment waits for the lock in the
thread that sends for all of gRPC, and the whole server stands still (grpc's pull request 43403). Here nothing is held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.core.status import State
from serving.server.refusal import Refusal

SERVICE = health.SERVICE_NAME
WATCH_EVERY_S = 0.25  # how late whoever watches hears of a change; whoever asks hears the truth
WATCHERS = 256  # at once; each takes no thread, but one of the calls that the server counts
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@dataclass(eq=False)
class _Watcher:
    """Who watches a service, and what it was told last."""

    service: str
    send: Callable[[Any], None]
    last: int


class Health(health_pb2_grpc.HealthServicer):
    """Says SERVING of a model with an available version, and of all else once every configured model has one.

    Args:
      models: what is asked.
      services: the names of the services that are answered for, besides "".
    """

    def __init__(self, models: ServedModels, services: Sequence[str]) -> None:
        self._models = models
        self._services = ("", *services)
        self._watchers: set[_Watcher] = set()
        self._draining = threading.Event()
        self._thread = threading.Thread(target=self._keep_told, name="health", daemon=True)

    def start(self) -> None:
        """Tell whoever watches of changes from now on."""
        self._thread.start()

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """State the health of one service, or NOT_FOUND."""
        known = self._known()
        if request.service not in known:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no service or model called {request.service!r}")
        return health_pb2.HealthCheckResponse(status=known[request.service])

    def Watch(self, request: Any, context: grpc.ServicerContext, send_response_callback: Any = None) -> None:
        """State the health of one service now and whenever it changes; no thread waits for that."""
        if len(self._watchers) >= WATCHERS:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{WATCHERS} clients watch, which is the limit")
        watcher = _Watcher(request.service, send_response_callback, self._known().get(request.service, _UNKNOWN))
        watcher.send(health_pb2.HealthCheckResponse(status=watcher.last))
        self._watchers.add(watcher)
        if not context.add_callback(lambda: self._watchers.discard(watcher)):
            self._watchers.discard(watcher)  # it has left already
        if self._draining.is_set():
            self._let_go(watcher)

    # gRPC for Python then calls Watch with what sends, in the place of holding a thread for what it yields.
    Watch.experimental_non_blocking = True  # type: ignore[attr-defined]
    Watch.experimental_thread_pool = None  # type: ignore[attr-defined]

    def drain(self) -> None:
        """Say NOT_SERVING of everything from now on, and let whoever watches go."""
        self._draining.set()
        if self._thread.ident is not None:
            self._thread.join()
        for watcher in list(self._watchers):
            self._let_go(watcher)

    def _keep_told(self) -> None:
        while not self._draining.wait(WATCH_EVERY_S):
            known = self._known()
            for watcher in list(self._watchers):
                self._tell(watcher, known.get(watcher.service, _UNKNOWN))

    def _tell(self, watcher: _Watcher, status: int) -> None:
        if status != watcher.last:
            watcher.last = status
            watcher.send(health_pb2.HealthCheckResponse(status=status))

    def _let_go(self, watcher: _Watcher) -> None:
        self._tell(watcher, self._known().get(watcher.service, _UNKNOWN))
        watcher.send(None)

    def _known(self) -> dict[str, int]:
        """Returns the health of each service and model."""
        serves = not self._draining.is_set()
        known = dict.fromkeys(self._services, _said(serves and self._models.is_ready))
        return known | {name: _said(serves and self._has_available(name)) for name in self._models.names()}

    def _has_available(self, name: str) -> bool:
        try:
            return any(status.state == State.AVAILABLE for status in self._models.statuses(ModelSpec(name)))
        except Refusal:
            return False


def _said(is_serving: bool) -> int:
    return int(_SERVING if is_serving else _NOT_SERVING)
