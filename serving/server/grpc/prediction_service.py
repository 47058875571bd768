"""TensorFlow Serving's PredictionService: model_servers/prediction_service_impl.cc."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server.core.models import ServedModels
from serving.server.grpc.calls import Calls, caller_of
from serving.server.grpc.wire import add_methods
from serving.server.inference import methods, multi_inference
from serving.server.inference.methods import Method
from serving.server.inference.model_spec import signature_name
from serving.server.monitoring.observer import Monitoring, Request

SERVICE = "tensorflow.serving.PredictionService"
Measure = Callable[[Method, str], AbstractContextManager[Request]]


class PredictionService:
    """Answers from the loaded versions of the served models."""

    def __init__(self, models: ServedModels, calls: Calls, monitoring: Monitoring) -> None:
        self._models = models
        self._calls = calls
        self._monitoring = monitoring

    def add_to(self, server: grpc.Server) -> None:
        """Let a server answer the methods of this service."""
        methods_of_service = {
            "Predict": (predict_pb2.PredictRequest, self.Predict),
            "Classify": (classification_pb2.ClassificationRequest, self.Classify),
            "Regress": (regression_pb2.RegressionRequest, self.Regress),
            "MultiInference": (inference_pb2.MultiInferenceRequest, self.MultiInference),
            "GetModelMetadata": (get_model_metadata_pb2.GetModelMetadataRequest, self.GetModelMetadata),
        }
        add_methods(server, SERVICE, methods_of_service, self._calls, placed=methods_of_service)

    def Predict(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Run one signature on the request's tensors."""
        return self._answer(methods.PREDICT, request, request.model_spec, context, self._measured)

    def Classify(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Run a signature from Examples to labels and scores."""
        return self._on_examples(methods.CLASSIFY, request, request.model_spec, context, self._measured)

    def Regress(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Run a signature from Examples to numbers."""
        return self._on_examples(methods.REGRESS, request, request.model_spec, context, self._measured)

    def MultiInference(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Run several such signatures on the same Examples."""
        spec = multi_inference.first_spec(request)
        return self._on_examples(methods.MULTI_INFERENCE, request, spec, context, _unmeasured)

    def GetModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:
        """State a version's signatures."""
        return self._answer(methods.METADATA, request, request.model_spec, context, _unmeasured)

    def _on_examples(
        self, method: Method, request: Any, spec: Any, context: grpc.ServicerContext, measure: Measure
    ) -> Any:
        """Answer, and count the Examples of what was answered, as classifier.cc and its like do."""
        response = self._answer(method, request, spec, context, measure)
        self._monitoring.examples(model=spec.name, count=method.rows(request) or 0)
        return response

    def _answer(self, method: Method, request: Any, spec: Any, context: grpc.ServicerContext, measure: Measure) -> Any:
        with self._calls.take(context, method.name) as access, measure(method, spec.name) as measured:
            access.model, access.signature = spec.name, signature_name(spec)
            access.rows, access.request_bytes = method.rows(request), request.ByteSize()
            measured.signature, measured.rows = access.signature, access.rows
            with self._calls.place(), self._models.use(method.asked(request)) as version:
                access.version = measured.version = version.version
                response = method.run(version, request, caller_of(context))
            access.response_bytes = response.ByteSize()
            return response

    def _measured(self, method: Method, model: str) -> AbstractContextManager[Request]:
        return self._monitoring.request(api=method.name, entrypoint="GRPC", model=model)


def _unmeasured(method: Method, model: str) -> AbstractContextManager[Request]:
    """Measure nothing of a method, as TensorFlow Serving does of all but Predict, Classify and Regress."""
    return nullcontext(Request())
