"""TensorFlow Serving's ModelService: GetModelStatus."""

from __future__ import annotations

from typing import Any

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

from serving.server.refusal import Refusal, refusals_sent, unimplemented
from serving.server.repository import ModelRepository


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Says which versions of a repository answer requests."""

    def __init__(self, repository: ModelRepository) -> None:
        self._repository = repository

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        """State whether a version, or every version of a model, is available."""
        with refusals_sent(context):
            if not request.HasField("model_spec"):
                raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec")
            spec = request.model_spec
            versions = self._repository.versions(spec.name)
            if spec.HasField("version"):
                if spec.version.value not in versions:
                    raise Refusal(
                        grpc.StatusCode.NOT_FOUND, f"Could not find version {spec.version.value} of model {spec.name}"
                    )
                versions = [spec.version.value]
            if not versions:
                raise Refusal(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}")
            response = get_model_status_pb2.GetModelStatusResponse()
            for version in versions:
                status = response.model_version_status.add(
                    version=version, state=get_model_status_pb2.ModelVersionStatus.AVAILABLE
                )
                status.status.SetInParent()  # error_code OK, sent explicitly as TensorFlow Serving does
            return response

    HandleReloadConfigRequest = staticmethod(unimplemented)
