"""grpc.health.v1: whether the server, a service of it or a model answers requests."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2

from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.core.status import State
from serving.server.refusal import Refusal

SERVICE = health.SERVICE_NAME
WATCH_EVERY_S = 0.25  # how late whoever watches hears of a change; whoever asks hears the truth
WATCHERS = 256  # at once; each takes no thread, but one of the calls that the server counts


class Health(health.HealthServicer):
    """Says SERVING of a model with an available version, and of all else once every configured model has one.

    Args:
      models: what is asked.
      services: the full names of the services that are answered for, besides "".
    """

    def __init__(self, models: ServedModels, services: Sequence[str]) -> None:
        super().__init__()
        self._models = models
        self._services = ("", *services)
        self._draining = threading.Event()
        self._told: dict[str, int] = {}
        self._watchers: set[Any] = set()
        self._changing = threading.Lock()
        self._watching = threading.Thread(target=self._keep_told, name="health", daemon=True)
        self._tell()

    def start(self) -> None:
        """Tell whoever watches of changes from now on."""
        self._watching.start()

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        """State the health of one service, or NOT_FOUND."""
        self._tell()
        if request.service not in self._told:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no service or model called {request.service!r}")
        return health_pb2.HealthCheckResponse(status=self._told[request.service])

    def Watch(self, request: Any, context: grpc.ServicerContext, send_response_callback: Any = None) -> Any:
        """State the health of one service now and whenever it changes; no thread waits for that."""
        self._tell()
        with self._changing:
            if len(self._watchers) >= WATCHERS:
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{WATCHERS} clients watch, which is the limit")
            self._watchers.add(send_response_callback)
        context.add_callback(lambda: self._watchers.discard(send_response_callback))
        return super().Watch(request, context, send_response_callback)

    def drain(self) -> None:
        """Say NOT_SERVING of everything from now on, and let whoever watches go."""
        self._draining.set()
        self._tell()
        for send in list(self._watchers):
            send(None)

    def _keep_told(self) -> None:
        while not self._draining.wait(WATCH_EVERY_S):
            self._tell()

    def _tell(self) -> None:
        """Set what has changed."""
        with self._changing:
            serves = not self._draining.is_set()
            now = dict.fromkeys(self._services, _said(serves and self._models.is_ready))
            now |= {name: _said(serves and self._has_available(name)) for name in self._models.names()}
            for name, said in now.items():
                if self._told.get(name) != said:
                    self.set(name, said)
            for name in self._told.keys() - now.keys():
                self.set(name, health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
            self._told = now

    def _has_available(self, name: str) -> bool:
        try:
            return any(status.state == State.AVAILABLE for status in self._models.statuses(ModelSpec(name)))
        except Refusal:
            return False


def _said(is_serving: bool) -> int:
    return int(health_pb2.HealthCheckResponse.SERVING if is_serving else health_pb2.HealthCheckResponse.NOT_SERVING)
