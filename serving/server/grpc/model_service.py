"""TensorFlow Serving's ModelService: model_servers/model_service_impl.cc and get_model_status_impl.cc."""

from __future__ import annotations

from typing import Any

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.grpc.calls import Calls, caller_of
from serving.server.grpc.wire import add_methods
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import invalid_argument

SERVICE = "tensorflow.serving.ModelService"


class ModelService:
    """Says which versions of the served models answer, and takes another configuration of them."""

    def __init__(self, models: ServedModels, calls: Calls, monitoring: Monitoring) -> None:
        self._models = models
        self._calls = calls
        self._monitoring = monitoring

    def add_to(self, server: grpc.Server) -> None:
        """Let a server answer the methods of this service."""
        methods = {
            "GetModelStatus": (get_model_status_pb2.GetModelStatusRequest, self.GetModelStatus),
            "HandleReloadConfigRequest": (model_management_pb2.ReloadConfigRequest, self.HandleReloadConfigRequest),
        }
        add_methods(server, SERVICE, methods, self._calls)

    def GetModelStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        """State how far a version, or each version of a model, is; a label is not looked at, as there."""
        with self._calls.take(context, "GetModelStatus") as access:
            if not request.HasField("model_spec"):
                raise invalid_argument("Missing ModelSpec")
            spec = request.model_spec
            access.model = spec.name
            version = spec.version.value if spec.HasField("version") else None
            response = get_model_status_pb2.GetModelStatusResponse()
            for known in self._models.statuses(ModelSpec(spec.name, version=version)):
                status = response.model_version_status.add(version=known.version, state=int(known.state))
                status.status.SetInParent()  # error_code OK is sent explicitly too, as TensorFlow Serving does
                status.status.error_code = known.code.value[0]
                status.status.error_message = known.message
            return response

    def HandleReloadConfigRequest(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Serve the models of another configuration; answers when its new models are loaded."""
        with self._calls.take(context, "HandleReloadConfigRequest"):
            before = {name: self._monitoring.first_value(name) for name in request.metric_names}
            if request.config.WhichOneof("config") != "model_config_list":
                raise invalid_argument(
                    "ServerModelConfig type not supported by HandleReloadConfigRequest."
                    " Only ModelConfigList is currently supported"
                )
            self._models.reload(request.config, caller_of(context))
            response = model_management_pb2.ReloadConfigResponse()
            response.status.SetInParent()
            for name, value in before.items():
                response.metric.add(name=name, int64_value_increase=self._monitoring.first_value(name) - value)
            return response
