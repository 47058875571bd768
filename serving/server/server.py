"""The whole server: the models, their protocols and what is measured of them, with one life."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from serving.server.access_log import AccessLog
from serving.server.core.config_file import one_model
from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.core.status import State
from serving.server.grpc.server import GrpcLimits, GrpcServer
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import Refusal
from serving.server.tls import Tls
from serving.signatures import MODEL_NAME

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8500  # TensorFlow Serving's gRPC port
DEFAULT_LIMITS = GrpcLimits()
STOP_GRACE_S = 5.0


class ModelServer:
    """Serves models as TensorFlow Serving does.

    Attributes:
      address: host:port of gRPC, with the port that was bound.
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
        limits: GrpcLimits = DEFAULT_LIMITS,
        tls: Tls | None = None,
        access_log: AccessLog | None = None,
    ) -> None:
        """Bind the ports; nothing is loaded or answered before `start`.

        Args:
          models: a folder of numbered versions, or a ModelServerConfig message.
          name: what requests call the model of a folder.
          host: address to listen on; the default answers this machine alone.
          port: of gRPC; 0 takes a free one.
          limits: what the gRPC port takes.
          tls: keys and certificates, or None to listen without.
          access_log: where each request is written, or None for nowhere.

        Raises:
          ValueError: when a port is none.
          OSError: when a port cannot be bound.
        """
        self.monitoring = Monitoring()
        config = one_model(name, models) if isinstance(models, Path) else models
        self.models = ServedModels(config, monitoring=self.monitoring)
        self._access_log = access_log or AccessLog()
        self._grpc = GrpcServer(
            self.models,
            host=host,
            port=port,
            limits=limits,
            tls=tls,
            access_log=self._access_log,
            monitoring=self.monitoring,
        )
        self.address = self._grpc.address

    def start(self) -> None:
        """Load the models, then begin to answer.

        Raises:
          ValueError: when a model cannot be loaded.
        """
        self.models.start()
        if problems := self.models.problems():
            raise ValueError("; ".join(problems.values()))
        self._grpc.start()

    def available(self) -> dict[str, list[int]]:
        """Returns model name -> its versions that answer requests, ascending."""
        found: dict[str, list[int]] = {}
        for name in self.models.names():
            with suppress(Refusal):  # of a model without a version
                known = self.models.statuses(ModelSpec(name))
                found[name] = [status.version for status in known if status.state is State.AVAILABLE]
        return found

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Refuse new requests, let those in work end within `grace_s` seconds, and return when all is down."""
        self._grpc.stop(grace_s)
        self.models.close()
        self._access_log.close()

    def __enter__(self) -> ModelServer:
        try:
            self.start()
        except BaseException:
            self.stop(0)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
