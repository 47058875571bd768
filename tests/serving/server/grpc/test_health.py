"""grpc.health.v1 by the package's own stub: per service and model, told to watchers, NOT_SERVING at the end."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from predict_requests import predict_request, refusal
from serving.server.grpc.health import Health
from serving.server.grpc.server import GrpcLimits
from serving.server.server import ModelServer

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = ["", "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"]
SERVICES += ["PredictionService", "ModelService"]  # as server.cc calls them


def check(stub, service: str) -> int:
    return stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=20).status


@pytest.mark.parametrize("service", [*SERVICES, "align"])
def test_all_serve_once_the_models_are_loaded(channel, service):
    assert check(health_pb2_grpc.HealthStub(channel), service) == SERVING


def test_what_is_not_served_is_not_found(channel):
    code, message = refusal(health_pb2_grpc.HealthStub(channel).Check, health_pb2.HealthCheckRequest(service="clip"))
    assert code == grpc.StatusCode.NOT_FOUND
    assert "'clip'" in message


def test_a_watcher_hears_of_the_end_and_does_not_delay_it(base):
    with ModelServer(base, port=0, grace_s=50) as server, grpc.insecure_channel(server.address) as channel:
        heard = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="align"), timeout=60)
        assert next(heard).status == SERVING
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert [answer.status for answer in heard] == [NOT_SERVING]
        stopping.join(timeout=20)
        assert not stopping.is_alive()


def test_a_model_without_a_version_keeps_the_server_unready():
    models = SimpleNamespace(is_ready=False, names=lambda: ["a", "b"])
    loaded = SimpleNamespace(state=30)
    models.statuses = lambda spec: [loaded] if spec.name == "a" else []
    health = Health(models, ["S"])

    def said(service: str) -> int:
        return health.Check(health_pb2.HealthCheckRequest(service=service), None).status

    assert [said(service) for service in ("", "S", "a", "b")] == [NOT_SERVING, NOT_SERVING, SERVING, NOT_SERVING]
    models.is_ready, models.statuses = True, lambda spec: [loaded]
    assert [said(service) for service in ("", "S", "a", "b")] == [SERVING] * 4
    health.drain()
    assert [said(service) for service in ("", "S", "a", "b")] == [NOT_SERVING] * 4


def test_many_watchers_take_no_thread_and_one_too_many_is_refused(base, monkeypatch):
    monkeypatch.setattr("serving.server.grpc.health.WATCHERS", 40)
    limits = GrpcLimits(calls=1)
    with ModelServer(base, port=0, grpc=limits) as server, grpc.insecure_channel(server.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        asked = health_pb2.HealthCheckRequest(service="align")
        watching = [stub.Watch(asked, timeout=60) for _ in range(40)]
        assert [next(heard).status for heard in watching] == [SERVING] * 40
        more = stub.Watch(asked, timeout=20)
        assert more.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        watching[0].cancel()
        assert check(stub, "align") == SERVING
        predicted = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(predict_request(text=["red"]))
        assert predicted.outputs
