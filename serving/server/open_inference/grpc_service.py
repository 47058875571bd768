"""The Open Inference Protocol's gRPC service, which KServe's and Triton's clients speak."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import grpc
import tensorflow as tf

from serving.server.grpc.calls import Calls, caller_of
from serving.server.grpc.wire import add_methods
from serving.server.open_inference.datatypes import (
    check_shape,
    datatype_of,
    dtype_of,
    from_bytes,
    from_values,
    to_bytes,
)
from serving.server.open_inference.inference import (
    EXTENSIONS,
    NAME,
    PLATFORM,
    Asked,
    OpenInference,
    refuse_unsupported,
)
from serving.server.open_inference.messages import CLASSES, METHODS, SERVICE
from serving.server.refusal import invalid_argument

_FIELDS = {  # the typed field of each dtype; the 16-bit floats have none
    tf.bool: "bool_contents",
    tf.int8: "int_contents",
    tf.int16: "int_contents",
    tf.int32: "int_contents",
    tf.int64: "int64_contents",
    tf.uint8: "uint_contents",
    tf.uint16: "uint_contents",
    tf.uint32: "uint_contents",
    tf.uint64: "uint64_contents",
    tf.float32: "fp32_contents",
    tf.float64: "fp64_contents",
    tf.string: "bytes_contents",
}


class InferenceService:
    """Answers its methods; each takes a request message and the call's context."""

    def __init__(self, inference: OpenInference, calls: Calls) -> None:
        self._inference = inference
        self._calls = calls

    def ServerLive(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Say that the process answers."""
        return CLASSES["ServerLiveResponse"](live=True)

    def ServerReady(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Say whether every model has a version that answers."""
        return CLASSES["ServerReadyResponse"](ready=self._inference.is_ready)

    def ModelReady(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Say whether a version of a model answers."""
        with self._calls.take(context, "ModelReady") as access:
            access.model = request.name
            return CLASSES["ModelReadyResponse"](ready=self._inference.is_model_ready(request.name, request.version))

    def ServerMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Say what this server is."""
        return CLASSES["ServerMetadataResponse"](name=NAME, version=version(NAME), extensions=EXTENSIONS)

    def ModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Say what a model takes and gives."""
        with self._calls.take(context, "ModelMetadata") as access:
            access.model = request.name
            metadata = self._inference.metadata(request.name, request.version)
            response = CLASSES["ModelMetadataResponse"](
                name=metadata.name, versions=metadata.versions, platform=PLATFORM
            )
            for tensors, field in ((metadata.inputs, response.inputs), (metadata.outputs, response.outputs)):
                for tensor in tensors:
                    field.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
            return response

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Run a model."""
        with self._calls.take(context, "ModelInfer") as access, self._calls.place():
            access.model, access.request_bytes = request.model_name, request.ByteSize()
            inferred = self._inference.infer(_read(request), caller_of(context), access)
            response = CLASSES["ModelInferResponse"](
                model_name=request.model_name, model_version=str(inferred.version), id=request.id
            )
            # Raw where the request was, and where a typed field would be missing.
            dtypes = [tf.as_dtype(array.dtype) for array in inferred.outputs.values()]
            is_raw = bool(request.raw_input_contents) or any(dtype not in _FIELDS for dtype in dtypes)
            for (name, array), dtype in zip(inferred.outputs.items(), dtypes, strict=True):
                output = response.outputs.add(name=name, datatype=datatype_of(dtype), shape=array.shape)
                if is_raw:
                    response.raw_output_contents.append(to_bytes(array))
                else:
                    getattr(output.contents, _FIELDS[dtype]).extend(array.ravel().tolist())
            access.response_bytes = response.ByteSize()
            return response


def add_to_server(server: grpc.Server, service: InferenceService, calls: Calls) -> None:
    """Let a server answer the methods of the service."""
    methods = {method: (CLASSES[f"{method}Request"], getattr(service, method)) for method in METHODS}
    add_methods(server, SERVICE, methods, calls, placed=("ModelInfer",))


def _read(request: Any) -> Asked:
    """Returns what a ModelInferRequest asks for; raises Refusal."""
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise invalid_argument(f"{len(raw)} raw_input_contents came for {len(request.inputs)} inputs")
    inputs = {}
    for position, tensor in enumerate(request.inputs):
        name = tensor.name
        if name in inputs:
            raise invalid_argument(f"input {name} is there twice")
        refuse_unsupported(_parameters(tensor), f"input {name}")
        dtype, shape = dtype_of(tensor.datatype, name), check_shape(tensor.shape, name)
        if raw:
            if tensor.HasField("contents"):
                raise invalid_argument(f"input {name} has contents beside raw_input_contents")
            inputs[name] = from_bytes(raw[position], dtype, shape, name)
        elif dtype not in _FIELDS:
            raise invalid_argument(f"input {name}: {tensor.datatype} has no typed field; use raw_input_contents")
        else:
            inputs[name] = from_values(getattr(tensor.contents, _FIELDS[dtype]), dtype, shape, name)
    for output in request.outputs:
        refuse_unsupported(_parameters(output), f"output {output.name}")
    parameters = _parameters(request)
    refuse_unsupported(parameters, "the request")
    return Asked(
        request.model_name, request.model_version, parameters, inputs, [output.name for output in request.outputs]
    )


def _parameters(message: Any) -> dict[str, Any]:
    return {
        name: getattr(value, choice)
        for name, value in message.parameters.items()
        if (choice := value.WhichOneof("parameter_choice"))
    }
