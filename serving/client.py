"""A client of any server that speaks TensorFlow Serving's gRPC API and serves the pushed model.

It imports no TensorFlow. `serving/async_client.py` is the same for asyncio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from functools import cached_property
from typing import Any

import grpc
import numpy as np

from serving.calling import tensors
from serving.calling.answers import (
    CLASSIFY_OUTPUTS,
    SIMILARITY_OUTPUTS,
    Answered,
    Classes,
    Gathered,
    Similarities,
    classes,
)
from serving.calling.asked import Asked, requests_of
from serving.calling.channel import Retries, Tls, connect
from serving.encoders.encoder import settle
from serving.encoders.probe import TEXTS, Probe
from serving.encoders.temperature import told_by
from serving.signatures import (
    CLASSIFY,
    EMBEDDING,
    ENCODE_IMAGE,
    ENCODE_TEXT,
    IMAGE_BYTES,
    LABELS,
    MODEL_NAME,
    SIMILARITY,
    TEMPLATES,
    TEXT,
)


class AlignClient:
    """Encodes through a server: `align serve`, or the `tensorflow/serving` container.

    Long lists are sent as requests of at most 64 inputs and 32 MiB, several at once, and come back in order. What a
    server refuses as busy or gone (RESOURCE_EXHAUSTED, UNAVAILABLE) is sent again. Threads may share a client.

    Attributes:
      address: as given.
      name: what a report calls it.
      is_lasting: True: address, version and answers to a probe tell models apart.

    Examples:
      >>> with AlignClient("127.0.0.1:8500") as client:
      ...     vectors = client.encode_text(["sad cat", "red boat"])  # [2, D]
      >>> round(float(vectors[0] @ vectors[0]), 3)
      1.0
    """

    is_lasting = True

    def __init__(
        self,
        address: str,
        *,
        model: str = MODEL_NAME,
        version: int | None = None,
        label: str | None = None,
        timeout_s: float = 30.0,
        in_flight: int = 4,
        retries: Retries = Retries(),  # noqa: B008  frozen
        tls: Tls | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare a connection; nothing is sent before the first call.

        Args:
          address: host:port of the gRPC server.
          model: the name under which it serves the model.
          version: the version to ask for; None asks for the newest, or for the label's.
          label: the label to ask for, such as "stable".
          timeout_s: deadline of each request in seconds, with what it is sent again.
          in_flight: requests of one call that are under way at once.
          retries: which refusals a request is sent again after.
          tls: what encrypts the connection; None sends in the clear.
          metadata: headers of each request, such as {"authorization": "Bearer ..."}.

        Raises:
          ValueError: for settings that contradict each other, or a certificate that cannot be read.
        """
        self.address = address
        self.name = f"{model} at {address}"
        self._asked = Asked(address, model, version, label, timeout_s, in_flight)
        self._probe = Probe(self.name, self.encode_image, self.encode_text)
        self._metadata = [(name.lower(), value) for name, value in (metadata or {}).items()]
        self._channel, self._predict = connect(grpc, address, retries, tls)
        self._threads = ThreadPoolExecutor(in_flight, thread_name_prefix="align-client")

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of address, model, version and the embeddings of a probe; asked once.

        From then on that version is asked for, whatever newer one the server loads: what is kept under the fingerprint
        is of one model.

        Raises:
          EncodeError: where the server does not answer.
        """
        texts = tensors.strings([text.encode() for text in TEXTS])
        version = self._call(ENCODE_TEXT, {TEXT: texts}, (EMBEDDING,)).model_spec.version.value
        if version:  # 0 where a server does not say
            self._asked = self._asked.at(version)
        return self._probe.fingerprint(self.address, self._asked.model, version)

    def confirm(self) -> None:
        """Ask the probe again; raises EncodeError where the answers are others, as of a server with other weights."""
        self._probe.confirm()

    @cached_property
    def temperature(self) -> float | None:
        """What the model divides cosines by; None where it is served without the signature `similarity`."""
        return told_by(lambda images, texts: astuple(self.similarity(images, texts)))

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Encode N images into [N, D] float32, unit rows; raises EncodeError.

        JPEG and PNG are sent as they are but for a few bytes in front. Other formats become PNG here.
        """
        return self._of_images(images, ENCODE_IMAGE, {}, (EMBEDDING,))[0]

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32, unit rows; raises EncodeError."""
        return self._in_requests(
            [text.encode() for text in texts],
            lambda part: self._ask(ENCODE_TEXT, {TEXT: tensors.strings(part)}, (EMBEDDING,)),
        )[0]

    def similarity(self, images: Sequence[bytes], texts: Sequence[str]) -> Similarities:
        """Compare N images with M texts, [N, M]; raises EncodeError, also for a model without this signature."""
        compared = {TEXT: tensors.strings([text.encode() for text in texts])}
        return Similarities(*self._of_images(images, SIMILARITY, compared, SIMILARITY_OUTPUTS))

    def classify(self, images: Sequence[bytes], labels: Sequence[str], templates: Sequence[str]) -> Classes:
        """Find the label that fits each of N images best.

        Args:
          images: N encoded images.
          labels: L labels, such as "cat".
          templates: texts with a "{}" where the label stands, such as "a photo of a {}"; their vectors are averaged.

        Returns:
          Cosines and probabilities [N, L], and N labels.

        Raises:
          EncodeError: where the server refuses, also for a model without this signature.
        """
        given = {
            LABELS: tensors.strings([label.encode() for label in labels]),
            TEMPLATES: tensors.strings([template.encode() for template in templates]),
        }
        return classes(self._of_images(images, CLASSIFY, given, CLASSIFY_OUTPUTS))

    def close(self) -> None:
        """Close the connection; requests under way are given up."""
        self._channel.close()
        self._threads.shutdown()

    def __enter__(self) -> AlignClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _of_images(
        self, images: Sequence[bytes], signature: str, more: Mapping[str, Any], outputs: Sequence[str]
    ) -> tuple[np.ndarray, ...]:
        return self._in_requests(
            images, lambda part: self._ask(signature, {IMAGE_BYTES: tensors.strings(settle(part)), **more}, outputs)
        )

    def _in_requests(
        self, values: Sequence[bytes], ask: Callable[[Sequence[bytes]], Answered]
    ) -> tuple[np.ndarray, ...]:
        parts = list(requests_of(values))
        if len(parts) == 1:
            return ask(parts[0]).outputs
        gathered = Gathered(len(parts), self.address)
        while places := gathered.to_ask():
            asked = [self._threads.submit(ask, parts[place]) for place in places]
            try:
                for place, one in zip(places, asked, strict=True):
                    gathered.add(place, one.result())
            finally:
                for one in asked:  # where one failed, those that wait are not sent
                    one.cancel()
        return gathered.joined()

    def _ask(self, signature: str, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Answered:
        return self._asked.read(self._call(signature, inputs, outputs), signature, outputs)

    def _call(self, signature: str, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Any:
        """Returns the PredictResponse."""
        request = self._asked.request(signature, inputs, outputs)
        try:
            return self._predict(request, timeout=self._asked.timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._asked.explain(error, signature) from error
