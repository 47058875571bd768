"""The server that is checked: its gRPC stubs, its HTTP port, and what is served there."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.calling.channel import Tls
from serving.conformance.check import METRICS, Differs
from serving.signatures import EMBEDDING

TIMEOUT_S = 60.0
METRICS_PATH = "/monitoring/prometheus/metrics"
NOWHERE = "no_such_model"


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """Returns the body's value; raises Differs where it is no JSON."""
        try:
            return json.loads(self.text)
        except ValueError as error:
            raise Differs(f"the body is no JSON: {self.text[:200]!r}") from error


class Target:
    """A server to check.

    Attributes:
      model: the name of a model with the signatures of serving/signatures.py.
      half_plus_two: the name of the model of half_plus_two.py, or None.
      rest: host:port of HTTP, or None.
      prediction, models: gRPC stubs.
    """

    def __init__(
        self, address: str, *, rest: str | None, model: str, half_plus_two: str | None = None, tls: Tls | None = None
    ) -> None:
        """Prepare connections; nothing is sent.

        Args:
          address: host:port of gRPC.
          rest: host:port of HTTP, or None.
          model: the name of a model of ours.
          half_plus_two: the name of the other model, or None.
          tls: what both ports are asked by; None sends in the clear.

        Raises:
          ValueError: where a certificate cannot be read.
        """
        self.model = model
        self.half_plus_two = half_plus_two
        self.rest = rest
        options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1)]
        if tls is None:
            self._channel = grpc.insecure_channel(address, options=options)
        else:
            self._channel = grpc.secure_channel(address, tls.credentials(), options=options)
        self._http_tls = None if tls is None else tls.for_http()
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def close(self) -> None:
        """Close the connections."""
        self._channel.close()

    def dead_rest(self) -> str:
        """Returns why nothing answers at the HTTP port that was named, or nothing."""
        try:
            if self.rest is not None:
                self.http("GET", METRICS_PATH)
        except OSError as error:
            return f"no HTTP server answers at {self.rest}: {error.strerror or error}"
        return ""

    def has(self, need: str) -> bool:
        """Say whether something that checks need is there."""
        if need == METRICS:
            return self.rest is not None and self.http("GET", METRICS_PATH).status == 200
        return (self.rest if need == "REST" else self.half_plus_two) is not None

    def http(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request; a body that is no text or bytes is sent as JSON."""
        connection: http.client.HTTPConnection
        if self._http_tls is None:
            connection = http.client.HTTPConnection(str(self.rest), timeout=TIMEOUT_S)
        else:
            connection = http.client.HTTPSConnection(str(self.rest), timeout=TIMEOUT_S, context=self._http_tls)
        try:
            is_raw = body is None or isinstance(body, (str, bytes))
            connection.request(method, path, body if is_raw else json.dumps(body), dict(headers or {}))
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
        finally:
            connection.close()

    def path(self, method: str = "", model: str | None = None, version: int | None = None) -> str:
        """Returns the path of a model, or of one of its methods such as ":predict"."""
        of_version = "" if version is None else f"/versions/{version}"
        return f"/v1/models/{model or self.model}{of_version}{method}"

    def predict(self, signature: str, name: str, values: Sequence[bytes]) -> Any:
        """Returns the PredictResponse for strings [N]."""
        return self.prediction.Predict(self.request(signature, None, **{name: values}), timeout=TIMEOUT_S)

    def vectors(self, signature: str, name: str, values: Sequence[bytes]) -> np.ndarray:
        """Returns the embeddings of strings, [N, D]."""
        return tf.make_ndarray(self.predict(signature, name, values).outputs[EMBEDDING])

    def request(self, signature: str, model: str | None = None, **inputs: Any) -> Any:
        """Returns a PredictRequest; an input of bytes is [N] strings, else what TensorFlow makes of it."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.model if model is None else model
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            is_strings = isinstance(value, (list, tuple)) and all(isinstance(one, bytes) for one in value)
            proto = tf.make_tensor_proto(value, tf.string, [len(value)]) if is_strings else tf.make_tensor_proto(value)
            request.inputs[name].CopyFrom(proto)
        return request

    def metadata(self, model: str | None = None) -> Any:
        """Returns the GetModelMetadataResponse."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = model or self.model
        return self.prediction.GetModelMetadata(request, timeout=TIMEOUT_S)

    def status(self, model: str | None = None) -> list[Any]:
        """Returns the state of each version."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = model or self.model
        return list(self.models.GetModelStatus(request, timeout=TIMEOUT_S).model_version_status)


def refused(call: Any, request: Any) -> tuple[str, str]:
    """Returns code and message of a call that must fail; raises Differs where it does not."""
    try:
        call(request, timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        return error.code().name, error.details() or ""
    raise Differs("it was answered, where it must be refused")


def picture(red: int, green: int, blue: int) -> bytes:
    """Returns a PNG of one colour, each part from 0 to 255."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (red, green, blue)).save(file, "PNG")
    return file.getvalue()
