"""TensorFlow Serving's ModelService: GetModelStatus."""

from __future__ import annotations

from typing import Any

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.refusal import Refusal, refusals_sent, unimplemented


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Says which versions of the served models answer requests."""

    def __init__(self, models: ServedModels) -> None:
        self._models = models

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        """State whether a version, or every version of a model, is available."""
        with refusals_sent(context):
            if not request.HasField("model_spec"):
                raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec")
            spec = request.model_spec
            asked = ModelSpec(spec.name, version=spec.version.value if spec.HasField("version") else None)
            response = get_model_status_pb2.GetModelStatusResponse()
            for known in self._models.statuses(asked):
                status = response.model_version_status.add(version=known.version, state=int(known.state))
                status.status.SetInParent()  # error_code OK is sent explicitly too, as TensorFlow Serving does
                status.status.error_code = known.code.value[0]
                status.status.error_message = known.message
            return response

    HandleReloadConfigRequest = staticmethod(unimplemented)
