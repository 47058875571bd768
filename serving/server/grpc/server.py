"""The gRPC port: TensorFlow Serving's services, the Open Inference Protocol's, health and reflection."""

from __future__ import annotations

from concurrent import futures
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2_grpc

from serving.server.access_log import AccessLog
from serving.server.core.models import ServedModels
from serving.server.grpc import model_service, prediction_service
from serving.server.grpc.calls import Calls
from serving.server.grpc.health import SERVICE as HEALTH
from serving.server.grpc.health import WATCHERS, Health
from serving.server.grpc.model_service import ModelService
from serving.server.grpc.prediction_service import PredictionService
from serving.server.grpc.reflection import add_reflection
from serving.server.monitoring.observer import Monitoring
from serving.server.open_inference import grpc_service, messages
from serving.server.open_inference.inference import OpenInference
from serving.server.ports import address_of, cannot_listen, check_port
from serving.server.tls import Tls

SERVICES = (prediction_service.SERVICE, model_service.SERVICE, messages.SERVICE)
SPARE_THREADS = 256  # for requests that are still arriving, each of which holds one, for health and for refusals
PING_EVERY_MS = 100  # so often may a client ask whether the connection lives; gRPC itself allows it every 5 minutes


@dataclass(frozen=True)
class GrpcLimits:
    """What one gRPC port takes.

    Attributes:
      calls: requests in work at once.
      message_bytes: size of one request or answer; TensorFlow Serving takes up to 2 GiB.
    """

    calls: int = 128
    message_bytes: int = 2**28


class GrpcServer:
    """The gRPC APIs of the served models."""

    def __init__(
        self,
        models: ServedModels,
        *,
        host: str,
        port: int,
        limits: GrpcLimits,
        tls: Tls | None,
        access_log: AccessLog,
        monitoring: Monitoring,
    ) -> None:
        """Bind the port; calls are answered from `start` on.

        Raises:
          ValueError: when the port is none.
          OSError: when it cannot be bound.
        """
        threads = limits.calls + SPARE_THREADS
        self._server = grpc.server(
            futures.ThreadPoolExecutor(threads, thread_name_prefix="grpc"),
            options=(
                ("grpc.max_receive_message_length", limits.message_bytes),
                ("grpc.max_send_message_length", limits.message_bytes),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.http2.min_ping_interval_without_data_ms", PING_EVERY_MS),
                ("grpc.so_reuseport", 0),  # else two servers share one port and each gets half of the requests
            ),
            maximum_concurrent_rpcs=threads + WATCHERS,
        )
        calls = Calls(limits.calls, access_log, monitoring)
        PredictionService(models, calls, monitoring).add_to(self._server)
        ModelService(models, calls, monitoring).add_to(self._server)
        inference = grpc_service.InferenceService(OpenInference(models, monitoring), calls)
        grpc_service.add_to_server(self._server, inference, calls)
        self._health = Health(models, (*SERVICES, *(name.rpartition(".")[2] for name in SERVICES)))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        add_reflection(self._server, (*SERVICES, HEALTH))
        self.address = _bind(self._server, host, port, tls)

    def start(self) -> None:
        """Begin to answer; returns at once."""
        self._server.start()
        self._health.start()

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those in work end within `grace_s` seconds, and return when all is down."""
        self._health.drain()
        self._server.stop(grace_s).wait()


def _bind(server: grpc.Server, host: str, port: int, tls: Tls | None) -> str:
    """Bind a port and return the address with the port that was bound."""
    check_port(port)
    address = address_of(host, port)
    try:
        bound = server.add_insecure_port(address) if tls is None else server.add_secure_port(address, tls.for_grpc())
    except RuntimeError as error:
        raise cannot_listen(host, port) from error
    if not bound:
        raise cannot_listen(host, port)
    return address_of(host, bound)
