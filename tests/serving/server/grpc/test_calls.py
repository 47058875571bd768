"""What a call goes through: so many at once, of so many bytes, and the model knows who waits and for how long."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import prediction_service_pb2_grpc

from predict_requests import predict_request, refusal
from serving.server.access_log import AccessLog
from serving.server.core.spec import ModelSpec
from serving.server.grpc import prediction_service
from serving.server.grpc.server import GrpcLimits, GrpcServer
from serving.server.monitoring.observer import Monitoring
from serving.server.server import ModelServer


class HeldVersion:
    """A version whose `run` notes its caller and answers when it is let go."""

    version = 1

    def __init__(self, signature_defs) -> None:
        self.signature_defs = signature_defs
        self.callers, self.entered, self.free = [], threading.Semaphore(0), threading.Event()

    def run(self, signature, inputs, caller, outputs):
        self.callers.append(caller)
        self.entered.release()
        assert self.free.wait(timeout=60)
        return {name: np.zeros((1, 2), np.float32) for name in outputs}


@pytest.fixture
def held(server):
    """Yields a version that holds its requests, and a function that starts a server of it within limits."""
    with server.models.use(ModelSpec("align")) as loaded:
        version = HeldVersion(loaded.signature_defs)
    running = []

    @contextmanager
    def use(spec):
        yield version

    def start(limits: GrpcLimits):
        models = SimpleNamespace(use=use, is_ready=True, names=list)
        running.append(
            GrpcServer(
                models,
                host="127.0.0.1",
                port=0,
                limits=limits,
                tls=None,
                access_log=AccessLog(),
                monitoring=start.monitoring,
            )
        )
        running[-1].start()
        start.address = running[-1].address
        channel = grpc.insecure_channel(running[-1].address)
        return channel, prediction_service_pb2_grpc.PredictionServiceStub(channel)

    start.monitoring = Monitoring()
    yield version, start
    version.free.set()
    for one in running:
        one.stop(0)


def test_one_call_too_many_is_refused_at_once_and_health_is_answered(held):
    version, start = held
    channel, stub = start(GrpcLimits(calls=2))
    slow = [stub.Predict.future(predict_request(text=["red"]), timeout=60) for _ in range(2)]
    for _ in slow:
        assert version.entered.acquire(timeout=20)
    code, message = refusal(stub.Predict, predict_request(text=["red"]))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert message == "2 requests are in work, which is the limit; send this one again later"
    assert health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20).status == 1
    assert not any(call.done() for call in slow)
    version.free.set()
    assert all(call.result(timeout=20).outputs for call in slow)
    assert stub.Predict(predict_request(text=["red"]), timeout=20).outputs


def test_a_request_beyond_the_limit_is_refused_unread_and_counted(held):
    version, start = held
    channel, stub = start(GrpcLimits(calls=1))
    slow = stub.Predict.future(predict_request(text=["red"]), timeout=60)
    assert version.entered.acquire(timeout=20)
    never_sent = threading.Event()

    def body():
        never_sent.wait(60)
        yield b""

    for method in ("Predict", "GetModelMetadata"):
        call = channel.stream_unary(f"/{prediction_service.SERVICE}/{method}")
        code, message = refusal(call, body())
        assert (code, message[:22]) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "1 requests are in work")
    never_sent.set()
    assert not slow.done()
    counted = 'align_serving_requests_total{model="",version="",signature="",api="Predict",entrypoint="GRPC",'
    assert f'{counted}code="RESOURCE_EXHAUSTED"}} 1' in start.monitoring.page()


def test_the_deadline_reaches_the_model(held):
    version, start = held
    version.free.set()
    _, stub = start(GrpcLimits())
    before = time.monotonic()
    stub.Predict(predict_request(text=["red"]), timeout=50)
    after = time.monotonic()
    stub.Predict(predict_request(text=["red"]))
    limited, patient = version.callers
    assert before + 45 < limited.deadline <= after + 50.1
    assert patient.deadline == math.inf


def test_the_model_hears_that_its_caller_is_gone(held):
    version, start = held
    _, stub = start(GrpcLimits())
    call = stub.Predict.future(predict_request(text=["red"]), timeout=60)
    assert version.entered.acquire(timeout=20)
    (caller,) = version.callers
    assert caller.is_waiting()
    call.cancel()
    ends = time.monotonic() + 20
    while caller.is_waiting():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_message_past_the_limit_is_refused(base):
    with (
        ModelServer(base, port=0, grpc=GrpcLimits(message_bytes=1000)) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        code, message = refusal(stub.Predict, predict_request(text=["red" * 400]))
        assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in message
        assert stub.Predict(predict_request(text=["red"]), timeout=20).outputs


def test_requests_that_never_arrive_keep_nobody_from_being_answered(held):
    """Each takes a thread until it is there, as a picture over a slow line does."""
    version, start = held
    version.free.set()
    channel, stub = start(GrpcLimits(calls=2))
    over = threading.Event()

    def never():
        over.wait(timeout=60)
        yield from ()

    ask = channel.stream_unary(f"/{prediction_service.SERVICE}/Predict")
    slow = [ask.future(never(), timeout=60) for _ in range(100)]
    try:
        assert stub.Predict(predict_request(text=["red"]), timeout=20).outputs
        assert health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20).status == 1
        assert not any(call.done() for call in slow)
    finally:
        over.set()
        for call in slow:
            call.cancel()


def test_a_client_may_ask_often_whether_the_connection_lives(held):
    """gRPC's own servers end it, with ENHANCE_YOUR_CALM and too_many_pings."""
    version, start = held
    start(GrpcLimits())
    often = [
        ("grpc.keepalive_time_ms", 200),
        ("grpc.http2.min_time_between_pings_ms", 200),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
    with grpc.insecure_channel(start.address, options=often) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        call = stub.Predict.future(predict_request(text=["red"]), timeout=60)
        assert version.entered.acquire(timeout=20)
        with pytest.raises(grpc.FutureTimeoutError):
            call.result(timeout=1.5)  # the third ping would be one too many
        version.free.set()
        assert call.result(timeout=20).outputs
