"""The report's section on evaluation: retrieval and zero-shot tables beside chance, and what the verdict hung on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from components.evaluator.metrics.prompts import unknown_labels
from tfx_pipeline.report.blocks import beside, note, section, table
from tfx_pipeline.report.contents import Contents, Evaluation, Missing
from tfx_pipeline.report.markup import Child, Markup, tag
from tfx_pipeline.wording import count, percent

RECALL_AT = (1, 5, 10)
WAYS = {"t2i": "text → image", "i2t": "image → text"}
NAN = float("nan")


def evaluation_section(contents: Contents) -> Markup:
    """Returns what the judge measured."""
    evaluation = contents.evaluation
    if isinstance(evaluation, Missing):
        return section("Evaluation", note(evaluation.why))
    return section(
        "Evaluation",
        tag("h3", "Retrieval"),
        _retrieval(evaluation.metrics),
        tag("h3", "Zero-shot classification"),
        _zero_shot(evaluation.metrics),
        *(note(f"{sentence}.") for sentence in unknown_classes(contents)),
        tag("h3", "Verdict"),
        _verdict(evaluation, contents.config.get("evaluation", {})),
        lead="Each split is a gallery of its own. Small figures say what guessing gets.",
    )


def unknown_classes(contents: Contents) -> list[str]:
    """Returns a sentence for each key of `evaluation.class_names` that no ingested image has for its label."""
    labels = None if isinstance(contents.ingest, Missing) else contents.ingest.get("labels")
    class_names = contents.config.get("evaluation", {}).get("class_names", {})
    return [] if labels is None else unknown_labels(class_names, labels)


def _retrieval(metrics: Mapping[str, Mapping[str, float]]) -> Markup:
    header = ("Split", "Query → answer", "images", "captions", *(f"R@{k}" for k in RECALL_AT))
    rows = [
        [split, tag("span", words), _count(found, "num_images"), _count(found, "num_captions"), *_recalls(found, way)]
        for split, found in metrics.items()
        for way, words in WAYS.items()
    ]
    return table(header, rows, words=2)


def _recalls(found: Mapping[str, float], way: str) -> list[Child]:
    names = [f"{way}_recall_at_{k}" for k in RECALL_AT]
    return [beside(percent(found.get(name, NAN)), percent(found.get(f"chance_{name}", NAN))) for name in names]


def _zero_shot(metrics: Mapping[str, Mapping[str, float]]) -> Markup:
    judged = {split: found for split, found in metrics.items() if found.get("num_classes")}
    if not judged:
        return note("No image of the evaluation splits has a class label.")
    header = ("Split", "classes", "top-1", "top-5", "largest class")
    rows = [
        [
            split,
            _count(found, "num_classes"),
            beside(percent(found.get("zero_shot_top_1", NAN)), percent(found.get("chance_zero_shot", NAN))),
            beside(percent(found.get("zero_shot_top_5", NAN)), percent(min(5 / found["num_classes"], 1.0))),
            percent(found.get("majority_class_share", NAN)),
        ]
        for split, found in judged.items()
    ]
    remark = (
        "Classes: all that evaluation.class_names lists or an image of any split here has. "
        "Largest class: the share that always naming the most frequent class gets right."
    )
    return Markup(table(header, rows) + tag("p", remark, class_="remark"))


def _verdict(evaluation: Evaluation, config: Mapping[str, Any]) -> Child:
    least: Mapping[str, float] = config.get("min_metrics", {})
    if not least:
        return note("No thresholds are set, so every model that yields numbers is blessed.")
    rows = []
    for key, threshold in least.items():
        split, _, metric = key.partition("/")
        value = evaluation.metrics.get(split, {}).get(metric, NAN)
        before = evaluation.baseline.get(split, {}).get(metric, NAN)
        reached = value >= threshold
        mark = tag("span", "✓ reached" if reached else "✗ missed", class_="good" if reached else "bad")
        rows.append([tag("code", key), mark, percent(value), percent(threshold), percent(before)])
    drop = config.get("max_drop_from_baseline", NAN)
    compared = (
        f"No metric above may fall by more than {percent(drop)} below the last blessed model's."
        if evaluation.baseline
        else "There was no blessed model to compare with."
    )
    header = ("Metric", "", "measured", "at least", "last blessed")
    return [table(header, rows, words=2), tag("p", compared, class_="remark")]


def _count(found: Mapping[str, float], name: str) -> str:
    value = found.get(name, NAN)
    return count(value) if math.isfinite(value) else percent(NAN)
