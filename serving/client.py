"""A client of any server that speaks TensorFlow Serving's gRPC API and serves the pushed model."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.encoders import probe
from serving.encoders.encoder import EncodeError, in_batches, settle
from serving.signatures import EMBEDDING, ENCODE_IMAGE, ENCODE_TEXT, IMAGE_BYTES, MODEL_NAME, TEXT

_OPTIONS = (("grpc.max_receive_message_length", 2**31 - 1), ("grpc.max_send_message_length", 2**31 - 1))
_NO_PROXY = ("grpc.enable_http_proxy", 0)  # else gRPC asks the environment's proxy for this machine's own servers too


class AlignClient:
    """Encodes through a server: `align serve`, or the `tensorflow/serving` container.

    Attributes:
      address: as given.
      name: what a report calls it.

    Examples:
      >>> with AlignClient("127.0.0.1:8500") as client:
      ...     vectors = client.encode_text(["sad cat", "red boat"])  # [2, D]
      >>> round(float(vectors[0] @ vectors[0]), 3)
      1.0
    """

    def __init__(
        self, address: str, *, model: str = MODEL_NAME, version: int | None = None, timeout_s: float = 30.0
    ) -> None:
        """Prepare a connection; nothing is sent before the first call.

        Args:
          address: host:port of the gRPC server.
          model: the name under which it serves the model.
          version: the version to ask for; None asks for the newest.
          timeout_s: deadline of each request in seconds, up to `encoder.BATCH` inputs.
        """
        self.address = address
        self.name = f"{model} at {address}"
        self._model = model
        self._version = version
        self._timeout_s = timeout_s
        options = (*_OPTIONS, _NO_PROXY) if _is_on_this_machine(address) else _OPTIONS
        self._channel = grpc.insecure_channel(address, options=options)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of address, model, version and the embeddings of a probe; asked once.

        From then on that version is asked for, whatever newer one the server loads: what is kept under the fingerprint
        is of one model.

        Raises:
          EncodeError: where the server does not answer.
        """
        version = self._ask(ENCODE_TEXT, TEXT, [text.encode() for text in probe.TEXTS]).model_spec.version.value
        self._version = version or self._version  # 0 where a server does not say
        return probe.fingerprint([self.address, self._model, version], self.encode_image, self.encode_text)

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Encode N images into [N, D] float32, unit rows; raises EncodeError.

        JPEG and PNG are sent as they are but for a few bytes in front. Other formats become PNG here.
        """
        return in_batches(images, lambda batch: self._predict(ENCODE_IMAGE, IMAGE_BYTES, settle(batch)))

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32, unit rows; raises EncodeError."""
        return in_batches([text.encode() for text in texts], lambda batch: self._predict(ENCODE_TEXT, TEXT, batch))

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> AlignClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _predict(self, signature: str, name: str, values: Sequence[bytes]) -> np.ndarray:
        return tf.make_ndarray(self._ask(signature, name, values).outputs[EMBEDDING])

    def _ask(self, signature: str, name: str, values: Sequence[bytes]) -> Any:
        """Returns the PredictResponse."""
        request = predict_pb2.PredictRequest(output_filter=[EMBEDDING])
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        if self._version is not None:
            request.model_spec.version.value = self._version
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values, dtype=tf.string, shape=[len(values)]))
        try:
            return self._stub.Predict(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            raise EncodeError(self._explain(error, signature)) from error

    def _explain(self, error: grpc.RpcError, signature: str) -> str:
        code = error.code()
        if code == grpc.StatusCode.UNAVAILABLE:
            return (
                f"no server answers at {self.address} ({error.details()}); start one with `align serve`, or check the "
                "address and the proxy that http_proxy or https_proxy names"
            )
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"{self.address} did not answer {signature} within {self._timeout_s:g} s; raise timeout_s"
        return f"{self.address} refused {signature}: {code.name}: {error.details()}"


def _is_on_this_machine(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
