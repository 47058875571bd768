"""What the report's section on evaluation tells: retrieval and zero-shot beside chance, and the verdict's reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.evaluator.metrics.classes.prompts import unknown_labels
from components.evaluator.metrics.slices import MAX_SLICES
from tfx_pipeline.report.contents import Contents, Evaluation, Missing, in_order
from tfx_pipeline.report.models_over_time import models_over_time

RECALL_AT = (1, 5, 10)
SLICE_COLUMNS = ("i2t_recall_at_1", "i2t_recall_at_10", "t2i_recall_at_1", "t2i_recall_at_10", "zero_shot_top_1")
NOTHING_TO_SLICE_BY = {
    "language": "no caption has a language.",
    "source": "no record has a name.",
    "class": "no image has a class label; ingest.label_field names the field with it.",
}
WAYS = {"t2i": "text → image", "i2t": "image → text"}
NAN = float("nan")
Metrics = Mapping[str, Mapping[str, float]]


def evaluation_section(contents: Contents) -> dict[str, Any] | Missing:
    """Returns what the judge measured; what it did not is NaN."""
    evaluation = contents.evaluation
    if isinstance(evaluation, Missing):
        return evaluation
    config = contents.config.get("evaluation", {})
    return {
        "retrieval": _retrieval(evaluation.metrics),
        "zero_shot": _zero_shot(evaluation.metrics),
        "unknown_classes": unknown_classes(contents),
        "thresholds": _thresholds(evaluation, config.get("min_metrics", {})),
        "compared": bool(evaluation.baseline),
        "max_drop": config.get("max_drop_from_baseline", NAN),
        "slices": _slices(evaluation),
        "empty_slices": _empty_slices(evaluation, config.get("slices", [])),
        **models_over_time(contents.models, evaluation, config.get("min_metrics", {})),
    }


def unknown_classes(contents: Contents) -> list[str]:
    """Returns a sentence for each key of `evaluation.class_names` that no ingested image has for its label."""
    labels = None if isinstance(contents.ingest, Missing) else contents.ingest.get("labels")
    class_names = contents.config.get("evaluation", {}).get("class_names", {})
    return [] if labels is None else unknown_labels(class_names, labels)


def _retrieval(metrics: Metrics) -> list[dict[str, Any]]:
    return [
        {
            "split": split,
            "way": words,
            "images": found.get("num_images", NAN),
            "captions": found.get("num_captions", NAN),
            "recalls": [
                (found.get(f"{way}_recall_at_{k}", NAN), found.get(f"chance_{way}_recall_at_{k}", NAN))
                for k in RECALL_AT
            ],
        }
        for split, found in metrics.items()
        for way, words in WAYS.items()
    ]


def _zero_shot(metrics: Metrics) -> list[dict[str, Any]]:
    return [
        {
            "split": split,
            "classes": classes,
            "tops": [
                (found.get("zero_shot_top_1", NAN), found.get("chance_zero_shot", NAN)),
                (found.get("zero_shot_top_5", NAN), min(5 / classes, 1.0)),
            ],
            "largest": found.get("majority_class_share", NAN),
        }
        for split, found in metrics.items()
        if (classes := found.get("num_classes"))
    ]


def _slices(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Returns a table of slices for each split and kind, the largest slices first."""
    return [
        {
            "split": split,
            "kind": kind,
            "cut": len(values) == MAX_SLICES,
            "rows": [
                {
                    "value": value,
                    "asking": [found.get(name, NAN) for name in ("num_images", "num_captions")],
                    "shares": [found.get(name, NAN) for name in SLICE_COLUMNS],
                }
                for value, found in sorted(values.items(), key=lambda item: -item[1].get("num_captions", 0))
            ],
        }
        for split in in_order(evaluation.slices, list(evaluation.metrics))
        for kind, values in evaluation.slices[split].items()
    ]


def _empty_slices(evaluation: Evaluation, kinds: Sequence[str]) -> list[str]:
    """Returns a sentence for each split that has no slice of a kind that the config asks for."""
    return [
        f"{split} has no slice by {kind}: {NOTHING_TO_SLICE_BY[kind]}"
        for split in evaluation.metrics
        for kind in kinds
        if not evaluation.slices.get(split, {}).get(kind)
    ]


def _thresholds(evaluation: Evaluation, least: Mapping[str, float]) -> list[dict[str, Any]]:
    rows = []
    for key, threshold in least.items():
        split, _, metric = key.partition("/")
        measured, before = (of.get(split, {}).get(metric, NAN) for of in (evaluation.metrics, evaluation.baseline))
        rows.append({"metric": key, "measured": measured, "least": threshold, "before": before})
    return rows
