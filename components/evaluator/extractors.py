"""Puts into each Example what its class asks with, and takes its image away once the models have seen it.

Prompts are the judge's business, and no image is kept or shuffled for numbers that come from embeddings.

The stock Evaluator imports this module by name and calls `custom_extractors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors.predictions_extractor import PREDICTIONS_EXTRACTOR_STAGE_NAME
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

from components.evaluator.prompts import class_texts
from components.evaluator.tfma_metrics import ZeroShotMetric
from components.schema import CLASS_LABEL, CLASS_TEXTS, SPLIT


def custom_extractors(
    eval_shared_model: tfma.types.MaybeMultipleEvalSharedModels,
    eval_config: config_pb2.EvalConfig,
    tensor_adapter_config: TensorAdapterConfig | None,
) -> list[tfma.extractors.Extractor]:
    """Returns TFMA's own extractors, with one of ours before those that predict and one behind them."""
    reading, *others = tfma.default_extractors(
        eval_shared_model=eval_shared_model, eval_config=eval_config, tensor_adapter_config=tensor_adapter_config
    )
    asking = _zero_shot_metric(eval_config)
    adding = tfma.extractors.Extractor("AddClassTexts", beam.Map(_add_to_batch, asking.prompts, asking.class_names))
    shedding = tfma.extractors.Extractor("ShedImages", beam.Map(shed_images))
    behind = 1 + [extractor.stage_name for extractor in others].index(PREDICTIONS_EXTRACTOR_STAGE_NAME)
    return [reading, adding, *others[:behind], shedding, *others[behind:]]


def add_class_texts(serialized: bytes, prompts: Sequence[str], class_names: Mapping[str, Sequence[str]]) -> bytes:
    """Returns a serialized Example with the feature "class/texts"; empty where the Example has no class."""
    example = tf.train.Example.FromString(serialized)
    feature = example.features.feature
    label = b"".join(feature[CLASS_LABEL].bytes_list.value).decode("utf-8", "replace")
    texts = class_texts(label, prompts=prompts, class_names=class_names)
    feature[CLASS_TEXTS].bytes_list.value[:] = [text.encode() for text in texts]
    return example.SerializeToString()


def shed_images(extracts: tfma.types.Extracts) -> tfma.types.Extracts:
    """Returns a batch's extracts without the Examples and their features; the split stays, by which TFMA slices."""
    kept = {name: value for name, value in extracts.items() if name != tfma.INPUT_KEY}
    return {**kept, tfma.FEATURES_KEY: {SPLIT: extracts[tfma.FEATURES_KEY][SPLIT]}}


def _add_to_batch(
    extracts: tfma.types.Extracts, prompts: Sequence[str], class_names: Mapping[str, Sequence[str]]
) -> tfma.types.Extracts:
    changed = [add_class_texts(one, prompts, class_names) for one in extracts[tfma.INPUT_KEY]]
    # As objects: NumPy's own strings would lose the zeros that bytes may end on.
    return {**extracts, tfma.INPUT_KEY: np.array(changed, dtype=object)}


def _zero_shot_metric(eval_config: config_pb2.EvalConfig) -> ZeroShotMetric:
    metrics = (metric_specs.metric_instance(metric) for spec in eval_config.metrics_specs for metric in spec.metrics)
    return next(metric for metric in metrics if isinstance(metric, ZeroShotMetric))
