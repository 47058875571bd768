"""The methods that ask one version of one model: what each looks for in a request, and what answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serving.server.core.spec import Caller, ModelSpec
from serving.server.core.version import Version
from serving.server.inference import examples, metadata, model_spec, multi_inference, predict
from serving.server.inference.classify import run_classify
from serving.server.inference.regress import run_regress


@dataclass(frozen=True)
class Method:
    """One method of TensorFlow Serving's PredictionService.

    Attributes:
      name: as the service has it.
      asked: the model that a request message asks for; raises Refusal.
      run: the response message of a version to a request message; raises Refusal.
      rows: rows of a request's batch dimension, or None where it has none.
    """

    name: str
    asked: Callable[[Any], ModelSpec]
    run: Callable[[Version, Any, Caller], Any]
    rows: Callable[[Any], int | None]


def _no_rows(request: Any) -> None:
    return None


PREDICT = Method("Predict", model_spec.asked_model, predict.run_predict, predict.rows)
CLASSIFY = Method("Classify", model_spec.asked_model, run_classify, examples.rows)
REGRESS = Method("Regress", model_spec.asked_model, run_regress, examples.rows)
MULTI_INFERENCE = Method(
    "MultiInference", multi_inference.asked_model, multi_inference.run_multi_inference, examples.rows
)
METADATA = Method("GetModelMetadata", metadata.asked_model, metadata.run_metadata, _no_rows)
