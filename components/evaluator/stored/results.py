"""Reads what the Evaluator wrote: numbers by split, why a model was refused, whether it was blessed."""

from __future__ import annotations

import math
import os
from typing import Any

import tensorflow as tf
import tensorflow_model_analysis as tfma

from components.artifact_files import BLESSED_FILE, NUMBERS_FILE
from components.beam import whole_files
from components.evaluator.metrics.slices import read_key
from components.schema import SPLIT

Metrics = dict[str, dict[str, float]]
Slices = dict[str, dict[str, dict[str, dict[str, float]]]]
_CANDIDATE = ("", tfma.CANDIDATE_KEY)  # a model judged alone has no name


def load_metrics(evaluation_uri: str) -> Metrics:
    """Read the candidate's numbers.

    Args:
      evaluation_uri: the Evaluator's output "evaluation".

    Returns:
      split -> name of METRICS or FACTS -> value, NaN where a number does not exist (zero-shot without labels).

    Raises:
      FileNotFoundError: there is no evaluation.
    """
    return _load(evaluation_uri, model_names=_CANDIDATE)


def load_baseline_metrics(evaluation_uri: str) -> Metrics:
    """Read the numbers of the model that the candidate was compared with, {} where there was none.

    Args and the shape of the result are those of `load_metrics`.
    """
    return _load(evaluation_uri, model_names=(tfma.BASELINE_KEY,))


def write_numbers(evaluation_uri: str) -> None:
    """Write NUMBERS_FILE, by which a component that knows nothing of TFMA reads what the candidate scored."""
    told = {
        key: {
            split: {name: value if math.isfinite(value) else None for name, value in of.items()}
            for split, of in load(evaluation_uri).items()
        }
        for key, load in (("metrics", load_metrics), ("baseline", load_baseline_metrics))
    }
    whole_files.write_json(os.path.join(evaluation_uri, NUMBERS_FILE), told)


def load_slices(evaluation_uri: str) -> Slices:
    """Read the candidate's numbers by slice.

    Args:
      evaluation_uri: the Evaluator's output "evaluation".

    Returns:
      split -> kind of slice -> value -> name of METRICS, "num_images" or "num_captions" -> number; {} without slices.

    Raises:
      FileNotFoundError: there is no evaluation.
    """
    found: Slices = {}
    for split, numbers in _load_all(evaluation_uri, model_names=_CANDIDATE).items():
        for name, number in numbers.items():
            key = read_key(name)
            if key:
                found.setdefault(split, {}).setdefault(key.kind, {}).setdefault(key.value, {})[key.metric] = number
    return found


def load_validation(evaluation_uri: str) -> list[str]:
    """Say why a model was refused.

    Args:
      evaluation_uri: the Evaluator's output "evaluation".

    Returns:
      One sentence a failure, naming split and metric, value, threshold and baseline; [] for a blessed model.

    Raises:
      FileNotFoundError: there is no evaluation.
    """
    candidate = load_metrics(evaluation_uri)
    baseline = load_baseline_metrics(evaluation_uri)
    result = tfma.load_validation_result(evaluation_uri)
    sentences = [
        f"{feature.feature_values[SPLIT]}: the split has no Examples, so nothing was judged on it."
        for feature in result.missing_slices
    ]
    for slice_result in result.metric_validations_per_slice:
        split = _split_of(slice_result.slice_key)
        for failure in slice_result.failures:
            name = failure.metric_key.name
            value = candidate[split][name]
            threshold = failure.metric_threshold
            if math.isnan(value):
                sentences.append(f"{split}/{name} is not a number: {_why_not_a_number(candidate[split], name)}.")
            elif threshold.HasField("value_threshold"):
                least = threshold.value_threshold.lower_bound.value
                sentences.append(f"{split}/{name} is {value:.4f}, below evaluation.min_metrics = {least:.4f}.")
            else:
                allowed = -threshold.change_threshold.absolute.value
                before = baseline[split][name]
                sentences.append(
                    f"{split}/{name} is {value:.4f}, which is {before - value:.4f} below the last blessed model's "
                    f"{before:.4f}; evaluation.max_drop_from_baseline allows {allowed:.4f}."
                )
    return sorted(sentences)


def is_blessed(blessing_uri: str) -> bool:
    """Returns whether the Evaluator blessed the model, by its output "blessing"."""
    return tf.io.gfile.exists(os.path.join(blessing_uri, BLESSED_FILE))


def _load(evaluation_uri: str, model_names: tuple[str, ...]) -> Metrics:
    found = _load_all(evaluation_uri, model_names)
    return {split: {name: of[name] for name in of if not read_key(name)} for split, of in found.items()}


def _load_all(evaluation_uri: str, model_names: tuple[str, ...]) -> Metrics:
    if not tf.io.gfile.glob(os.path.join(evaluation_uri, f"{tfma.METRICS_KEY}*")):
        raise FileNotFoundError(f"{evaluation_uri} holds no evaluation; give the Evaluator's output 'evaluation'")
    metrics: Metrics = {}
    for record in tfma.load_metrics(evaluation_uri):
        numbers = {
            pair.key.name: pair.value.double_value.value
            for pair in record.metric_keys_and_values
            if pair.key.model_name in model_names and not pair.key.is_diff
        }
        if numbers:
            metrics[_split_of(record.slice_key)] = numbers
    return metrics


def _split_of(slice_key: Any) -> str:
    return next(key.bytes_value.decode() for key in slice_key.single_slice_keys if key.column == SPLIT)


def _why_not_a_number(metrics: dict[str, float], name: str) -> str:
    if name.startswith("zero_shot") and not metrics["num_classes"]:
        return "no image of the split has a class label"
    if name.startswith("zero_shot") and metrics["num_classes"] <= int(name.rpartition("_")[2]):
        classes = int(metrics["num_classes"])
        return f"there {'are' if classes > 1 else 'is'} {classes} class{'es' * (classes > 1)}, and any model scores 1"
    if not metrics["num_captions"]:
        return "no image of the split has a caption"
    return "the model gave embeddings that are not finite"
