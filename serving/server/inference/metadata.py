"""GetModelMetadata: the signatures of a version, as TensorFlow Serving's get_model_metadata_impl.cc has it."""

from __future__ import annotations

from typing import Any

from tensorflow_serving.apis import get_model_metadata_pb2

from serving.server.core.spec import PATIENT, Caller, ModelSpec
from serving.server.core.version import Version
from serving.server.inference.model_spec import read_model_spec
from serving.server.refusal import invalid_argument

SIGNATURE_DEF = "signature_def"  # the only field that the API has


def asked_model(request: Any) -> ModelSpec:
    """Returns what a GetModelMetadataRequest asks of; raises Refusal where it does not ask for SIGNATURE_DEF alone."""
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    if not request.metadata_field:
        raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != SIGNATURE_DEF:
            raise invalid_argument(f"Metadata field {field} is not supported")
    return read_model_spec(request.model_spec)


def run_metadata(version: Version, request: Any = None, caller: Caller = PATIENT) -> Any:
    """Returns the GetModelMetadataResponse of a version."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in version.signature_defs.items():
        signatures.signature_def[name].CopyFrom(signature)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = version.name
    response.model_spec.version.value = version.version
    response.metadata[SIGNATURE_DEF].Pack(signatures)
    return response
