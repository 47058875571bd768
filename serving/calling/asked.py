"""Which model at which server a client asks: its requests, how many inputs each holds, and what a refusal means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import grpc

from serving.calling import tensors
from serving.calling.answers import Answered
from serving.calling.messages import PredictRequest
from serving.encoders.encoder import BATCH, EncodeError

BATCH_BYTES = 32 << 20  # of one request's inputs, unless a single one is larger


@dataclass(frozen=True)
class Asked:
    """A model at a server.

    Attributes:
      address: host:port.
      model: its name there.
      version, label: which version; neither asks for the newest.
      timeout_s: deadline of a request, sent again or not, in seconds.
      in_flight: requests of one call that are under way at once.
    """

    address: str
    model: str
    version: int | None
    label: str | None
    timeout_s: float
    in_flight: int

    def __post_init__(self) -> None:
        if self.version is not None and self.label is not None:
            raise ValueError(f"version {self.version} and label {self.label!r} are both given; ask by one of them")
        if not self.timeout_s > 0:
            raise ValueError(f"timeout_s is {self.timeout_s:g}; it must be above 0")
        if self.in_flight < 1:
            raise ValueError(f"in_flight is {self.in_flight}; it must be at least 1")

    def at(self, version: int) -> Asked:
        """Returns the same, for that version alone."""
        return replace(self, version=version, label=None)

    def request(self, signature: str, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Any:
        """Returns a PredictRequest for some outputs of a signature; `inputs` are tensors by name."""
        request = PredictRequest(output_filter=outputs)
        spec = request.model_spec
        spec.name, spec.signature_name = self.model, signature
        if self.label is not None:
            spec.version_label = self.label
        elif self.version is not None:
            spec.version.value = self.version
        for name, tensor in inputs.items():
            request.inputs[name].CopyFrom(tensor)
        return request

    def read(self, response: Any, signature: str, outputs: Sequence[str]) -> Answered:
        """Returns some outputs of a PredictResponse; raises EncodeError where one is not there or no tensor."""
        for name in outputs:
            if name not in response.outputs:
                raise EncodeError(f"{self.address} answered {signature} without {name}; is another model served there?")
        try:
            arrays = tuple(tensors.array(response.outputs[name]) for name in outputs)
        except ValueError as error:
            raise EncodeError(f"{self.address} answered {signature} with {error}") from error
        return Answered(response.model_spec.version.value, arrays)

    def explain(self, error: grpc.RpcError, signature: str) -> EncodeError:
        """Returns what a failed call means, as a sentence with a remedy."""
        code, details = error.code(), error.details()
        if code == grpc.StatusCode.UNAVAILABLE:
            return EncodeError(
                f"no server answers at {self.address} ({details}); start one with `align serve`, or check the "
                "address and the proxy that http_proxy or https_proxy names"
            )
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            return EncodeError(
                f"{self.address} did not answer {signature} within {self.timeout_s:g} s; raise timeout_s"
            )
        return EncodeError(f"{self.address} refused {signature}: {code.name}: {details}")


def requests_of(values: Sequence[bytes], most: int = BATCH, most_bytes: int = BATCH_BYTES) -> Iterator[Sequence[bytes]]:
    """Yield N inputs in order, in parts of at most `most` and about `most_bytes`; one empty part where N is 0."""
    start = size = 0
    for end, value in enumerate(values):
        if end > start and (end - start == most or size + len(value) > most_bytes):
            yield values[start:end]
            start, size = end, 0
        size += len(value)
    yield values[start:]
