"""Adds an Example for each class, which asks with its texts, and takes images away once the models have seen them.

A class is a candidate in every evaluated split, whether an image there is of it or not. Prompts are the judge's
business, and no image is kept or shuffled for numbers that come from embeddings.

The stock Evaluator imports this module by name and calls `custom_eval_shared_model` and `custom_extractors`.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.extractors.predictions_extractor import PREDICTIONS_EXTRACTOR_STAGE_NAME
from tensorflow_model_analysis.metrics import metric_specs
from tensorflow_model_analysis.proto import config_pb2
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig

from components.evaluator.beam.class_examples import class_examples
from components.evaluator.beam.tfma_metrics import KNOWN, ZeroShotMetric
from components.evaluator.sharded.described import describe
from components.schema import CLASS_LABEL, SPLIT

CLASSES_PER_BATCH = 32


def custom_eval_shared_model(
    eval_saved_model_path: str, model_name: str, **others: Any
) -> tfma.types.MaybeMultipleEvalSharedModels:
    """Returns TFMA's own model; a pushed version is the SavedModel that a Model artifact holds in a folder."""
    pushed = model_name == tfma.BASELINE_KEY
    path = posixpath.dirname(eval_saved_model_path) if pushed else eval_saved_model_path
    return tfma.default_eval_shared_model(eval_saved_model_path=path, model_name=model_name, **others)


def custom_extractors(
    eval_shared_model: tfma.types.MaybeMultipleEvalSharedModels,
    eval_config: config_pb2.EvalConfig,
    tensor_adapter_config: TensorAdapterConfig | None,
) -> list[tfma.extractors.Extractor]:
    """Returns TFMA's own extractors, with one of ours before those that predict and one behind them."""
    reading, *others = tfma.default_extractors(
        eval_shared_model=eval_shared_model, eval_config=eval_config, tensor_adapter_config=tensor_adapter_config
    )
    asking = zero_shot_metric(eval_config)
    adding = tfma.extractors.Extractor("AddClasses", AddClasses(asking.prompts, asking.class_names))
    shedding = tfma.extractors.Extractor("ShedImages", beam.Map(shed_images, asking.slices))
    behind = 1 + [extractor.stage_name for extractor in others].index(PREDICTIONS_EXTRACTOR_STAGE_NAME)
    return [reading, adding, *others[:behind], shedding, *others[behind:]]


class AddClasses(beam.PTransform):
    """Batches of Examples -> the same, and batches of one Example for each class, each in all labelled splits.

    Args:
      prompts: templates with one "{}" for a name of the class.
      class_names: label -> its names. Each label is a class, and so is each that an Example of any split has.
    """

    def __init__(self, prompts: Sequence[str], class_names: Mapping[str, Sequence[str]]) -> None:
        super().__init__()
        self._prompts, self._class_names = prompts, class_names

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        classes = (
            batches
            | "FindLabels" >> beam.FlatMap(labels_by_split)
            | "Distinct" >> beam.CombineGlobally(beam.combiners.ToSetCombineFn())
            | "Ask" >> beam.FlatMap(class_batches, self._prompts, self._class_names)
            | "Spread" >> beam.Reshuffle()
        )
        return (batches, classes) | "Join" >> beam.Flatten()


def labels_by_split(extracts: tfma.types.Extracts) -> set[tuple[str, str]]:
    """Returns the pairs of a split and a label that a batch's Examples have; an Example without a label has none."""
    pairs = set()
    for serialized in extracts[tfma.INPUT_KEY]:
        feature = tf.train.Example.FromString(serialized).features.feature
        split, label = (b"".join(feature[name].bytes_list.value) for name in (SPLIT, CLASS_LABEL))
        if label:
            pairs.add((split.decode(), label.decode("utf-8", "replace")))
    return pairs


def class_batches(
    labels: Set[tuple[str, str]], prompts: Sequence[str], class_names: Mapping[str, Sequence[str]]
) -> Iterator[tfma.types.Extracts]:
    """Make an Example of each class for all splits that have labels: texts to ask with, and no caption.

    Args:
      labels: pairs of a split and a label that is in it.
      prompts, class_names: as AddClasses has them.

    Yields:
      Batches as TFMA reads them: serialized Examples, and the splits by which it slices.
    """
    splits = sorted({split.encode() for split, _ in labels})
    examples = list(class_examples({label for _, label in labels}, prompts, class_names).values())
    for start in range(0, len(examples), CLASSES_PER_BATCH):
        batch = examples[start : start + CLASSES_PER_BATCH]
        # As objects: NumPy's own strings would lose the zeros that bytes may end on.
        yield {
            tfma.INPUT_KEY: np.array(batch, dtype=object),
            tfma.FEATURES_KEY: {SPLIT: np.array([splits] * len(batch), dtype=object)},
        }


def shed_images(extracts: tfma.types.Extracts, kinds: Sequence[str]) -> tfma.types.Extracts:
    """Returns a batch's extracts without the Examples and their features.

    The split stays, by which TFMA slices; where there are `kinds` of slices, what each Example tells of these comes.
    """
    kept = {name: value for name, value in extracts.items() if name != tfma.INPUT_KEY}
    features = {SPLIT: extracts[tfma.FEATURES_KEY][SPLIT]}
    if kinds:
        features[KNOWN] = np.array([[known_of(serialized)] for serialized in extracts[tfma.INPUT_KEY]], dtype=object)
    return {**kept, tfma.FEATURES_KEY: features}


def known_of(serialized: bytes) -> str:
    """Returns what a slice asks about an Example, as JSON: its source, and the language of each caption."""
    described = describe(serialized)
    return json.dumps({"source": described.source, "languages": described.languages})


def zero_shot_metric(eval_config: config_pb2.EvalConfig) -> ZeroShotMetric:
    """Returns a metric of the config that knows what is asked: prompts, class names, slices."""
    metrics = (metric_specs.metric_instance(metric) for spec in eval_config.metrics_specs for metric in spec.metrics)
    return next(metric for metric in metrics if isinstance(metric, ZeroShotMetric))
