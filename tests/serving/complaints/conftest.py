"""A server of the models that `push` pushes, asked over its real ports."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Server:
    """A running server and its stubs."""

    running: Any
    prediction: Any
    models: Any

    def answer(self, x: float = 1.0, model: str = "m", **which: Any) -> tuple[float, int]:
        """Returns what Predict gives for x, and the version that gave it."""
        from predict_requests import predict_request

        request = predict_request("scale", model, x=[x])
        if "version" in which:
            request.model_spec.version.value = which["version"]
        if "label" in which:
            request.model_spec.version_label = which["label"]
        response = self.prediction.Predict(request, timeout=60)
        return response.outputs["y"].float_val[0], response.model_spec.version.value

    def states(self, model: str = "m") -> dict[int, str]:
        """Returns version -> state."""
        return {status.version: status.State.Name(status.state) for status in self.statuses(model)}

    def statuses(self, model: str = "m") -> list[Any]:
        """Returns the status of each version."""
        from tensorflow_serving.apis import get_model_status_pb2

        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = model
        return list(self.models.GetModelStatus(request, timeout=60).model_version_status)

    def get(self, path: str) -> tuple[int, str]:
        """Returns status and body of a GET."""
        connection = http.client.HTTPConnection(self.running.rest_address, timeout=60)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()


@contextlib.contextmanager
def opened(models: Any) -> Iterator[Server]:
    import grpc
    from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

    from serving.server.server import ModelServer

    with (
        ModelServer(models, name="m", port=0, rest_port=0, poll_s=0.05) as running,
        grpc.insecure_channel(running.address) as channel,
    ):
        yield Server(
            running,
            prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel),
        )


@pytest.fixture
def serving_of():
    """Returns a function that serves a folder or a ModelServerConfig, as a context manager."""
    return opened
