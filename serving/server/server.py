"""The whole server: the models, their protocols and what is measured of them, with one life."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from serving.server.access_log import AccessLog
from serving.server.batching.settings import DEFAULT_BATCHING, BatchingSettings
from serving.server.config_watch import ConfigWatch
from serving.server.core.config_file import one_model, read_config
from serving.server.core.limits import DEFAULT_LIMITS, RequestLimits
from serving.server.core.models import POLL_S, ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.core.status import State
from serving.server.grpc.server import GrpcLimits, GrpcServer
from serving.server.http_app import HttpSettings, http_app
from serving.server.http_server import HttpServer
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import Refusal
from serving.server.tls import Tls
from serving.signatures import MODEL_NAME

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8500  # TensorFlow Serving's gRPC port
DEFAULT_GRPC = GrpcLimits()
STOP_GRACE_S = 5.0


class ModelServer:
    """Serves models as TensorFlow Serving does.

    Attributes:
      address: host:port of gRPC, with the port that was bound.
      rest_address: host:port of HTTP, or None.
      is_encrypted: whether both speak TLS.
      models: what is served.
      monitoring: what is measured.

    Examples:
      >>> with ModelServer(Path("output/align-demo/serving_models/align"), port=0) as server:
      ...     print(server.available())
      {'align': [1]}
    """

    def __init__(
        self,
        models: Path | Any,
        *,
        name: str = MODEL_NAME,
        host: str = DEFAULT_HOST,
        port: int = DEFAULT_PORT,
        rest_port: int | None = None,
        poll_s: float = POLL_S,
        batching: BatchingSettings = DEFAULT_BATCHING,
        limits: RequestLimits = DEFAULT_LIMITS,
        grpc: GrpcLimits = DEFAULT_GRPC,
        http: HttpSettings | None = None,
        tls: Tls | None = None,
        access_log: AccessLog | None = None,
        grace_s: float = STOP_GRACE_S,
    ) -> None:
        """Bind the ports; nothing is loaded or answered before `start`.

        Args:
          models: a folder of numbered versions; a file with a ModelServerConfig as text, which is read again when it
            changes; or such a message.
          name: what requests call the model of a folder.
          host: address to listen on; the default answers this machine alone.
          port: of gRPC; 0 takes a free one.
          rest_port: of HTTP, likewise; None opens none.
          poll_s: seconds between two looks for new versions; 0 looks once.
          batching: how requests share batches.
          limits: how much one request may ask for.
          grpc: what the gRPC port takes.
          http: how the HTTP port behaves.
          tls: keys and certificates of both ports, or None to listen without.
          access_log: where each request is written, or None for nowhere.
          grace_s: seconds that requests in work have to end at `stop`.

        Raises:
          ValueError: when a port is none, a configuration cannot be served, or a certificate cannot be used.
          OSError: when a port cannot be bound.
        """
        self.monitoring = Monitoring()
        self.models = ServedModels(
            _config_of(models, name),
            poll_s=poll_s,
            batching=batching,
            limits=limits,
            allow_version_labels_for_unavailable_models=True,  # else one of a version to come refuses the whole file
            monitoring=self.monitoring,
        )
        is_watched = isinstance(models, Path) and models.is_file() and poll_s > 0
        self._config_watch = ConfigWatch(models, self.models, poll_s) if is_watched else None
        self.is_encrypted = tls is not None
        self._grace_s = grace_s
        self._is_draining = threading.Event()
        self._access_log = access_log or AccessLog()
        self._http: HttpServer | None = None
        if rest_port is not None:
            app = http_app(self.models, self.monitoring, http, self._access_log, self._is_draining.is_set)
            context = None if tls is None else tls.for_http()
            self._http = HttpServer(app, host=host, port=rest_port, tls=context, grace_s=grace_s)
        self.rest_address = self._http and self._http.address
        self._grpc = GrpcServer(
            self.models,
            host=host,
            port=port,
            limits=grpc,
            tls=tls,
            access_log=self._access_log,
            monitoring=self.monitoring,
        )
        self.address = self._grpc.address

    def start(self) -> None:
        """Load the models, then begin to answer.

        A model that cannot be loaded keeps the others from nothing, as long as one can; `models.problems` names it.

        Raises:
          ValueError: when no model can be loaded.
        """
        self.models.start()
        problems = self.models.problems()
        if problems and len(problems) == len(self.models.names()):
            raise ValueError("; ".join(problems.values()))
        self._grpc.start()
        if self._http is not None:
            self._http.start()
        if self._config_watch is not None:
            self._config_watch.start()

    def available(self) -> dict[str, list[int]]:
        """Returns model name -> its versions that answer requests, ascending."""
        found: dict[str, list[int]] = {}
        for name in self.models.names():
            with suppress(Refusal):  # of a model without a version
                known = self.models.statuses(ModelSpec(name))
                found[name] = [status.version for status in known if status.state is State.AVAILABLE]
        return found

    def stop(self) -> None:
        """Refuse new requests, let those in work end within the grace, and return when all is down."""
        self._is_draining.set()
        if self._config_watch is not None:
            self._config_watch.stop()
        ends = time.monotonic() + self._grace_s
        if self._http is not None:
            self._http.drain()
        self._grpc.stop(self._grace_s)
        if self._http is not None:
            self._http.stop()
        self.models.close(max(0.0, ends - time.monotonic()))
        self._access_log.close()

    def __enter__(self) -> ModelServer:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _config_of(models: Path | Any, name: str) -> Any:
    """Returns the ModelServerConfig of a folder, a file, or itself."""
    if not isinstance(models, Path):
        return models
    return read_config(models) if models.is_file() else one_model(name, models)
