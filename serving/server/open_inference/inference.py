"""What the Open Inference Protocol asks of a model, below HTTP and gRPC.

The protocol knows models, and no signatures. Here `align` is the model's `serving_default`, and `align:encode_image`
is the signature encode_image; a request's parameter `signature` chooses one too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import tensorflow as tf

from serving.server.access_log import Access
from serving.server.core.models import ServedModels
from serving.server.core.spec import Caller, ModelSpec, whole_number
from serving.server.core.status import State
from serving.server.core.version import Version
from serving.server.inference.model_spec import DEFAULT_SIGNATURE
from serving.server.monitoring.observer import Monitoring
from serving.server.open_inference.datatypes import datatype_of
from serving.server.refusal import Refusal, invalid_argument

NAME = "align-tfx"
PLATFORM = "tensorflow_savedmodel"
EXTENSIONS = ("binary_tensor_data",)
SIGNATURE = "signature"  # the parameter that names one
TIMEOUT = "timeout"  # microseconds, as Triton has it
_UNSUPPORTED = ("classification", "shared_memory_region", "sequence_id")


@dataclass(frozen=True)
class Asked:
    """A request for an inference.

    Attributes:
      model: as it stands in the request, a signature behind a colon or not.
      version: its number as text, "" for the newest.
      parameters: of the request.
      inputs: input name -> tensor.
      outputs: names of the outputs wanted, [] for all.
    """

    model: str
    version: str
    parameters: Mapping[str, Any]
    inputs: Mapping[str, np.ndarray]
    outputs: Sequence[str]


@dataclass(frozen=True)
class Inferred:
    """What a model answered.

    Attributes:
      version: its number.
      outputs: output name -> tensor, in the order asked for.
    """

    version: int
    outputs: dict[str, np.ndarray]


@dataclass(frozen=True)
class TensorMetadata:
    """A tensor as a signature states it; -1 stands for a size that may vary."""

    name: str
    datatype: str
    shape: list[int]


@dataclass(frozen=True)
class ModelMetadata:
    """What the protocol says of a model."""

    name: str
    versions: list[str]
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class OpenInference:
    """Answers for the models of a server; may be called from many threads."""

    def __init__(self, models: ServedModels, monitoring: Monitoring) -> None:
        self._models = models
        self._monitoring = monitoring

    @property
    def is_ready(self) -> bool:
        """Whether every model has a version that answers."""
        return self._models.is_ready

    def is_model_ready(self, model: str, version: str) -> bool:
        """Says whether a version of a model answers, and has the signature that stands behind the model's name.

        Raises Refusal where there is no such model.
        """
        name, signature = _split(model)
        statuses = self._models.statuses(_spec(name, version))
        answers = any(status.state is State.AVAILABLE for status in statuses)
        if model == name or not answers:
            return answers
        with self._models.use(_spec(name, version)) as used:
            return signature in used.signature_defs

    def metadata(self, model: str, version: str) -> ModelMetadata:
        """Returns what a model takes and gives; raises Refusal."""
        name, signature = _split(model)
        with self._models.use(_spec(name, version)) as used:
            definition = _definition(used, signature)
        versions = []
        with suppress(Refusal):
            known = self._models.statuses(ModelSpec(name))
            versions = [str(status.version) for status in known if status.state is State.AVAILABLE]
        return ModelMetadata(model, versions, _tensors(definition.inputs), _tensors(definition.outputs))

    def infer(self, asked: Asked, caller: Caller, access: Access) -> Inferred:
        """Run a model; raises Refusal."""
        name, signature = _split(asked.model)
        signature = _parameter(asked.parameters, SIGNATURE, str, signature)
        timeout_us = _parameter(asked.parameters, TIMEOUT, int, 0)
        if timeout_us > 0:
            caller = Caller(min(caller.deadline, time.monotonic() + timeout_us / 1e6), caller.is_waiting)
        access.model, access.signature = name, signature
        with self._monitoring.request(api="ModelInfer", entrypoint="V2", model=name) as measured:
            with self._models.use(_spec(name, asked.version)) as version:
                measured.version = access.version = version.version
                definition = _definition(version, signature)
                measured.signature = signature
                _check_inputs(asked.inputs, definition)
                wanted = _wanted(asked.outputs, definition)
                rows = next((len(array) for array in asked.inputs.values() if array.ndim), None)
                measured.rows = access.rows = rows
                found = version.run(signature, asked.inputs, caller, wanted)
            return Inferred(version.version, {output: found[output] for output in wanted})


def refuse_unsupported(parameters: Mapping[str, Any], where: str) -> None:
    """Refuse a parameter that would change the answer and that this server does not have."""
    for name in _UNSUPPORTED:
        if parameters.get(name):
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, f"{where}: the parameter {name} is not supported here")


def _split(model: str) -> tuple[str, str]:
    """Returns the name of a model and the signature asked for."""
    name, _, signature = model.partition(":")
    if not name:
        raise invalid_argument("the request names no model")
    return name, signature or DEFAULT_SIGNATURE


def _spec(name: str, version: str) -> ModelSpec:
    if not version:
        return ModelSpec(name)
    number = whole_number(version)
    if number is None:
        raise invalid_argument(f"version {version!r} of model {name} is not a number")
    return ModelSpec(name, number)


def _definition(version: Version, signature: str) -> Any:
    if signature in version.signature_defs:
        return version.signature_defs[signature]
    known = ", ".join(f"{version.name}:{name}" for name in sorted(version.signature_defs))
    raise Refusal(
        grpc.StatusCode.NOT_FOUND, f"model {version.name} has no signature {signature}; ask for one of {known}"
    )


def _check_inputs(inputs: Mapping[str, np.ndarray], definition: Any) -> None:
    missing, unknown = sorted(set(definition.inputs) - set(inputs)), sorted(set(inputs) - set(definition.inputs))
    if missing or unknown:
        raise invalid_argument(
            f"the model takes the inputs {', '.join(sorted(definition.inputs))}; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    for name, array in inputs.items():
        expected = _tensors({name: definition.inputs[name]})[0]
        given = datatype_of(tf.as_dtype(array.dtype))
        if given != expected.datatype:
            raise invalid_argument(f"input {name} must be {expected.datatype}; it is {given}")
        if not tf.TensorShape(definition.inputs[name].tensor_shape).is_compatible_with(array.shape):
            raise invalid_argument(f"input {name} must have the shape {expected.shape}; it has {list(array.shape)}")


def _wanted(outputs: Sequence[str], definition: Any) -> list[str]:
    for name in outputs:
        if name not in definition.outputs:
            known = ", ".join(sorted(definition.outputs))
            raise invalid_argument(f"the model has no output {name}; its outputs are {known}")
    return list(dict.fromkeys(outputs)) or sorted(definition.outputs)


def _tensors(infos: Mapping[str, Any]) -> list[TensorMetadata]:
    return [
        TensorMetadata(
            name,
            datatype_of(tf.as_dtype(info.dtype)),
            [-1] if info.tensor_shape.unknown_rank else [dim.size for dim in info.tensor_shape.dim],
        )
        for name, info in sorted(infos.items())
    ]


def _parameter(parameters: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    value = parameters.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise invalid_argument(f"the parameter {name} is {value!r}; it must be a {kind.__name__}")
    return value
