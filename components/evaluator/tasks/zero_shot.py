"""Judges zero-shot classification: the class whose texts are most similar to the image.

Legend: N images, K classes, T texts, D embedding dimension.
"""

from __future__ import annotations

import math

import numpy as np

from components.evaluator.datasets.kinds import ClassSet
from components.evaluator.metrics.classes.calibration import calibration_values, reliability
from components.evaluator.metrics.classes.classification import (
    NO_ANSWER,
    accuracy_values,
    class_embeddings,
    classify,
)
from components.evaluator.metrics.ranking import Floats, Ties
from components.evaluator.tasks.classes import judged_by_class
from components.evaluator.tasks.judged import Item, Judged
from components.evaluator.tasks.numbers import number


def class_texts(classified: ClassSet) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns T texts, each class's names in each template, class by class, and [K] how many each class has."""
    texts = [
        [template.replace("{}", name) for name in names for template in classified.templates]
        for names in classified.classes
    ]
    return tuple(text for own in texts for text in own), np.array([len(own) for own in texts], np.int64)


def judge_zero_shot(
    judged: Judged,
    classified: ClassSet,
    image_embedding: Floats,
    text_embedding: Floats,
    *,
    temperature: float | None = None,
    ties: Ties = "expected",
) -> Judged:
    """Fill in top-1, top-5, mean per class and, with a temperature, the calibration error.

    Args:
      judged: what is judged, without numbers.
      classified: the set.
      image_embedding: [N, D], unit length.
      text_embedding: [T, D], unit length, of `class_texts`.
      temperature: what the model divides similarities by; None tells no calibration.
      ties: of equal similarities.

    Raises:
      ValueError: an embedding is no unit vector, or the texts of a class cancel out.
    """
    _, counts = class_texts(classified)
    found = classify(
        image_embedding,
        classified.labels,
        class_embeddings(text_embedding, counts),
        temperature=temperature,
        ties=ties,
    )
    per_query = accuracy_values(found)
    classes = len(classified.classes)
    curves = {}
    if temperature is not None:
        per_query["ece"] = calibration_values(found.confidence, found.hits(1))
        bins = reliability(found.confidence, found.hits(1))
        curves["calibration"] = tuple(zip(bins.confidence.tolist(), bins.accuracy.tolist(), strict=True))
    chance = {"top_1": 1 / classes, "top_5": min(5 / classes, 1.0), "mean_per_class": 1 / classes}
    images = len(classified.image_ids)
    names = [Item(text=names[0]) for names in classified.classes]
    return judged_by_class(
        Judged(
            judged.dataset,
            "zero_shot",
            judged.split,
            judged.language,
            {name: number(values, chance=chance.get(name, math.nan)) for name, values in per_query.items()},
            curves=curves,
        ),
        classified,
        decides="top_1",
        named=found.named,
        got=images + np.where(found.rival == NO_ANSWER, classified.labels, found.rival),
        right=images + classified.labels,
        margin=found.margin,
        items=[*(Item(image=name) for name in classified.image_ids), *names],
        per_query=per_query,
    )
