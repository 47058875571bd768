"""The stock TFX Evaluator, told which metrics to compute on which galleries and when to bless."""

from __future__ import annotations

import json
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.types import BaseChannel, Channel, component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components import schema as contract
from components.evaluator.beam import extractors
from components.evaluator.beam.tfma_metrics import FACTS, GalleryMetric, ZeroShotMetric
from components.evaluator.config import METRICS, ZERO_SHOT_METRICS, EvaluationConfig
from components.evaluator.executor import BASELINE, Executor
from serving.signatures import EVALUATE

MUST_BE_NUMBERS = ("i2t_recall_at_1", "t2i_recall_at_1")
ROUNDING = 1e-9  # a fall of exactly max_drop_from_baseline passes: 0.48 - 0.50 is a little below -0.02 in floats


class AlignEvaluatorSpec(standard_component_specs.EvaluatorSpec):
    """The stock Evaluator's interface, with the model to compare with as a folder."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        **standard_component_specs.EvaluatorSpec.PARAMETERS,
        BASELINE: component_spec.ExecutionParameter(type=str),
    }


class AlignEvaluator(base_beam_component.BaseBeamComponent):
    """The stock Evaluator, told what to compute and when to bless.

    A model is blessed when all of these hold:
      - each split has Examples, and its recalls are numbers (not NaN, as after a diverged training);
      - each metric of `config.min_metrics` reaches its value;
      - none of those metrics fell by more than `config.max_drop_from_baseline` below the baseline, where there is one.
    So a config without `min_metrics` blesses every model that yields numbers. The stock Evaluator, given no threshold,
    would bless nothing and say nothing.

    Outputs: `evaluation` (ModelEvaluation) and `blessing` (ModelBlessing).
    """

    SPEC_CLASS = AlignEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self, config: EvaluationConfig, *, examples: BaseChannel, model: BaseChannel, baseline: str | Placeholder
    ) -> None:
        """Build the component.

        Args:
          config: splits, thresholds, prompts.
          examples: Examples with the splits of `config.splits`.
          model: the candidate, a SavedModel with the signature `evaluate` of `serving.signatures`.
          baseline: folder of the SavedModel to compare with; "" for none.
        """
        super().__init__(
            spec=AlignEvaluatorSpec(
                examples=examples,
                model=model,
                baseline=baseline,
                example_splits=json_utils.dumps(list(config.splits)),
                eval_config=eval_config(config),
                module_path=extractors.__name__,  # the executor imports it
                evaluation=Channel(type=standard_artifacts.ModelEvaluation),
                blessing=Channel(type=standard_artifacts.ModelBlessing),
            )
        )


def eval_config(config: EvaluationConfig) -> config_pb2.EvalConfig:
    """Translate the evaluation section into TFMA's words.

    Each split is a slice of its own and there is no slice over all: a gallery of mixed splits would mean nothing.
    Prompts and class names travel as arguments of the zero-shot metrics: the models know neither.
    """
    least = {f"{split}/{metric}": 0.0 for split in config.splits for metric in MUST_BE_NUMBERS}
    least |= config.min_metrics
    metrics = []
    for name in (*METRICS, *FACTS):
        metric = _metric_config(name, config)
        for split in config.splits:
            key = f"{split}/{name}"
            if key in least:
                threshold = config_pb2.MetricThreshold(value_threshold={"lower_bound": {"value": least[key]}})
                if key in config.min_metrics:
                    threshold.change_threshold.direction = config_pb2.MetricDirection.HIGHER_IS_BETTER
                    threshold.change_threshold.absolute.value = -config.max_drop_from_baseline - ROUNDING
                metric.per_slice_thresholds.add(slicing_specs=[slice_of(split)], threshold=threshold)
        metrics.append(metric)
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(signature_name=EVALUATE, model_type=tfma.TF_GENERIC)],
        slicing_specs=[slice_of(split) for split in config.splits],
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
        options=config_pb2.Options(include_default_metrics={"value": False}),
    )


def slice_of(split: str) -> config_pb2.SlicingSpec:
    """Returns the slice that holds one split, by the feature that names it in each Example."""
    return config_pb2.SlicingSpec(feature_values={contract.SPLIT: split})


def _metric_config(name: str, config: EvaluationConfig) -> config_pb2.MetricConfig:
    kind: type[GalleryMetric] = GalleryMetric
    arguments: dict[str, Any] = {"name": name}
    if config.slices:
        arguments["slices"] = config.slices
    if name in ZERO_SHOT_METRICS:
        kind = ZeroShotMetric
        arguments |= {"prompts": config.prompts, "class_names": dict(sorted(config.class_names.items()))}
    return config_pb2.MetricConfig(class_name=kind.__name__, module=kind.__module__, config=json.dumps(arguments))
