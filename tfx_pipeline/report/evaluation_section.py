"""What the report's section on evaluation tells: retrieval and zero-shot beside chance, and the verdict's reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.evaluator.metrics.prompts import unknown_labels
from tfx_pipeline.report.contents import Contents, Evaluation, Missing

RECALL_AT = (1, 5, 10)
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


def _thresholds(evaluation: Evaluation, least: Mapping[str, float]) -> list[dict[str, Any]]:
    rows = []
    for key, threshold in least.items():
        split, _, metric = key.partition("/")
        measured, before = (of.get(split, {}).get(metric, NAN) for of in (evaluation.metrics, evaluation.baseline))
        rows.append({"metric": key, "measured": measured, "least": threshold, "before": before})
    return rows
