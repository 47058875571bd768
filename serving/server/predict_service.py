"""TensorFlow Serving's PredictionService: Predict and GetModelMetadata, from messages to arrays and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
import numpy as np
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.refusal import Refusal, refusals_sent, unimplemented
from serving.tensors import check, from_proto, to_proto

DEFAULT_SIGNATURE = "serving_default"
SIGNATURE_DEF = "signature_def"  # the only metadata field that the API has


class PredictService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers from the loaded versions of the served models."""

    def __init__(self, models: ServedModels) -> None:
        self._models = models

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Run one signature on the request's tensors."""
        with refusals_sent(context), self._models.use(model_spec(request)) as version:
            name = request.model_spec.signature_name or DEFAULT_SIGNATURE
            signature = version.signature(name)
            inputs = decode_inputs(signature, request.inputs)
            wanted = select_outputs(signature, request.output_filter)
            outputs = version.run(name, inputs, outputs=wanted)
            response = predict_pb2.PredictResponse()
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = version.version
            response.model_spec.signature_name = name
            for alias in wanted:
                response.outputs[alias].CopyFrom(to_proto(outputs[alias]))
            return response

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        """State a version's signatures."""
        with refusals_sent(context):
            if not request.HasField("model_spec"):
                raise _invalid("Missing ModelSpec")
            if not request.metadata_field:
                raise _invalid("GetModelMetadataRequest must specify at least one metadata_field")
            for field in request.metadata_field:
                if field != SIGNATURE_DEF:
                    raise _invalid(f"Metadata field {field} is not supported; ask for {SIGNATURE_DEF}")
            with self._models.use(model_spec(request)) as version:
                signatures = get_model_metadata_pb2.SignatureDefMap()
                for name, signature in version.signature_defs.items():
                    signatures.signature_def[name].CopyFrom(signature)
                response = get_model_metadata_pb2.GetModelMetadataResponse()
                response.model_spec.name = request.model_spec.name
                response.model_spec.version.value = version.version
                response.metadata[SIGNATURE_DEF].Pack(signatures)
                return response

    Classify = Regress = MultiInference = staticmethod(unimplemented)


def model_spec(request: Any) -> ModelSpec:
    """Returns the version that a request's ModelSpec names; raises Refusal for none."""
    if not request.HasField("model_spec"):
        raise _invalid("Missing ModelSpec")
    spec = request.model_spec
    if not spec.name:
        raise _invalid("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    return ModelSpec(
        spec.name,
        version=spec.version.value if choice == "version" else None,
        label=spec.version_label if choice == "version_label" else None,
    )


def decode_inputs(signature: Any, protos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Decode the tensors of a request.

    Args:
      signature: SignatureDef that names the inputs, their dtypes and shapes.
      protos: input name -> TensorProto.

    Returns:
      Input name -> array, exactly the signature's inputs.

    Raises:
      Refusal: INVALID_ARGUMENT for an input that is missing, unknown, malformed, or of another dtype or shape.
    """
    extra, missing = sorted(set(protos) - set(signature.inputs)), sorted(set(signature.inputs) - set(protos))
    if extra or missing:
        expected = ",".join(sorted(signature.inputs))
        raise _invalid(
            f"inputs do not match signature, which takes {{{expected}}}. "
            f"Sent extra: {{{','.join(extra)}}}. Missing but required: {{{','.join(missing)}}}."
        )
    arrays = {}
    for alias, info in signature.inputs.items():
        try:
            arrays[alias] = from_proto(protos[alias])
        except ValueError as error:
            raise _invalid(f"tensor parsing error: {alias}: {error}") from error
        try:
            check(arrays[alias], info)
        except ValueError as error:
            raise _invalid(f"input {alias}: {error}") from error
    return arrays


def select_outputs(signature: Any, output_filter: Sequence[str]) -> list[str]:
    """Returns the names of the outputs to send: those of the filter, or all of the signature's without one."""
    for position, alias in enumerate(output_filter):
        if alias not in signature.outputs:
            expected = ",".join(sorted(signature.outputs))
            raise _invalid(
                f"output tensor alias not found in signature: {alias}. "
                f"Outputs expected to be in the set {{{expected}}}."
            )
        if alias in output_filter[:position]:
            raise _invalid(f"duplicate output tensor alias: {alias}")
    return list(output_filter) or sorted(signature.outputs)


def _invalid(message: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
