"""MultiInference: several classify and regress signatures of one model on the same Examples, as multi_inference.cc."""

from __future__ import annotations

from typing import Any

import grpc
from tensorflow_serving.apis import inference_pb2, model_pb2

from serving.server.core.spec import PATIENT, Caller, ModelSpec
from serving.server.core.version import Version
from serving.server.inference import classify, regress
from serving.server.inference.examples import run_on_examples, serialized_examples
from serving.server.inference.model_spec import echo, read_model_spec, signature_name
from serving.server.refusal import Refusal, invalid_argument


def asked_model(request: Any) -> ModelSpec:
    """Returns what the first task of a MultiInferenceRequest asks for, whose version answers all of them."""
    return read_model_spec(first_spec(request))


def first_spec(request: Any) -> Any:
    """Returns the ModelSpec message of the first task, an empty one where there is no task."""
    return request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()


def run_multi_inference(version: Version, request: Any, caller: Caller = PATIENT) -> Any:
    """Answer a MultiInferenceRequest.

    Returns:
      A MultiInferenceResponse with a result for each task, in their order.

    Raises:
      Refusal: in TensorFlow Serving's words, or with the runtime's own code.
    """
    outputs = _outputs_by_signature(version, request.tasks)
    examples = serialized_examples(request.input)
    response = inference_pb2.MultiInferenceResponse()
    for task in request.tasks:
        name = signature_name(task.model_spec)
        found = run_on_examples(version, name, examples, caller, outputs[name])
        result = response.results.add()
        if task.method_name == classify.METHOD:
            classify.fill_classifications(result.classification_result, found, len(examples))
        else:
            regress.fill_regressions(result.regression_result, found, len(examples))
        echo(result.model_spec, task.model_spec, version)
    return response


def _outputs_by_signature(version: Version, tasks: Any) -> dict[str, list[str]]:
    """Returns signature name -> which of its outputs to run, of every task; raises Refusal."""
    outputs: dict[str, list[str]] = {}
    for task in tasks:
        if not task.model_spec.name:
            raise invalid_argument("Found ModelSpec with an empty model name.")
        if task.model_spec.name != tasks[0].model_spec.name:
            raise invalid_argument("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = signature_name(task.model_spec)
        if name in outputs:
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        if name not in version.signature_defs:
            raise invalid_argument(f"Requested signature not found in model graph: {name}")
        if task.method_name == classify.METHOD:
            outputs[name] = classify.classify_outputs(version.signature_defs[name])
        elif task.method_name == regress.METHOD:
            outputs[name] = regress.regress_outputs(version.signature_defs[name])
        else:
            raise Refusal(grpc.StatusCode.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
    return outputs
