"""An embedded server that speaks TensorFlow Serving's gRPC API, for development, validation and tests.

In production the same folder is served by the `tensorflow/serving` container; clients cannot tell the difference
in what is implemented here: Predict, GetModelMetadata and GetModelStatus of one model.
"""

from __future__ import annotations

from concurrent import futures
from pathlib import Path

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.server.core.config_file import one_model
from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.model_service import ModelService
from serving.server.predict_service import PredictService
from serving.signatures import MODEL_NAME

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8500  # TensorFlow Serving's gRPC port
THREADS = 8  # requests in work at once; each computation spreads over the cores by itself
STOP_GRACE_S = 5.0
_OPTIONS = (
    ("grpc.max_receive_message_length", 2**31 - 1),
    ("grpc.max_send_message_length", 2**31 - 1),
    ("grpc.so_reuseport", 0),  # else two servers share one port and each gets half of the requests
)


class ModelServer:
    """A server of the newest complete version of one model.

    Attributes:
      version: the version that is served.
      address: host:port to connect to, with the port that was bound.

    Examples:
      >>> with ModelServer(Path("output/align-demo/serving_models/align"), port=0) as server:
      ...     print(server.version)
      1
    """

    def __init__(
        self, base: Path, *, name: str = MODEL_NAME, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT
    ) -> None:
        """Load the model and bind the port; requests are answered from `start` on.

        Args:
          base: folder of numbered versions.
          name: what requests call the model.
          host: address to listen on; the default answers this machine alone.
          port: 0 takes a free one.

        Raises:
          ValueError: when no version can be loaded, or the port is none.
          OSError: when the port cannot be bound.
        """
        self._models = ServedModels(one_model(name, base))
        self._models.start()
        with self._models.use(ModelSpec(name)) as version:
            self.version = version.version
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="serve"), options=_OPTIONS
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictService(self._models), self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(self._models), self._server)
        self.address = _bind(self._server, host, port)

    def start(self) -> None:
        """Begin to answer; returns at once."""
        self._server.start()

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """Refuse new requests, let those in work end within `grace_s` seconds, and return when all is down."""
        self._server.stop(grace_s).wait()
        self._models.close()

    def __enter__(self) -> ModelServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _bind(server: grpc.Server, host: str, port: int) -> str:
    """Bind a port and return the address with the port that was bound."""
    if not 0 <= port < 2**16:  # gRPC would listen on another one in silence
        raise ValueError(f"port is {port}; it must be from 1 to {2**16 - 1}, or 0 for any free one")
    shown = f"[{host}]" if ":" in host else host
    problem = f"cannot listen on {shown}:{port}; is another server there? Name another port, or 0 for any free one"
    try:
        bound = server.add_insecure_port(f"{shown}:{port}")
    except RuntimeError as error:
        raise OSError(problem) from error
    if not bound:
        raise OSError(problem)
    return f"{shown}:{bound}"
