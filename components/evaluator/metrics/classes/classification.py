"""Naming each image's class by the most similar class vector: ranks, accuracies, means per class and confusions.

Zero-shot classification of any size, and of sets that know but a part of the classes or merge some of them. Values are
one a query, so that intervals and paired tests can be drawn from them.

Legend: N images, K classes, T texts, G answers (classes that count as one), D embedding dimension, R images in a chunk.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.ranking import Floats, Integers, Ties, compared_by, hit_probability
from components.evaluator.metrics.unit_rows import check_same_width, check_unit_rows

TOP = (1, 5)
IMAGES_PER_CHUNK = 1024  # 1024 x 1000 classes (ImageNet) hold 8 MB
NO_ANSWER = -1  # in `answers`: a class that does not take part
NAMES_SHOWN = 5
LEAST_LENGTH = 1e-6  # of a mean of unit rows, below which it is rounding


def class_embeddings(text_embedding: Floats, text_count: Integers) -> Floats:
    """Average the texts of each class, and bring the mean to unit length.

    Args:
      text_embedding: [T, D], unit length; all texts of class 0 first (its names x templates), then those of class 1.
      text_count: [K] texts of each class, which add up to T.

    Returns:
      [K, D], unit length.

    Raises:
      ValueError: the counts do not add up, a class has no text, a row is no unit vector, or the texts of a class
        cancel out.

    Reference: ALIGN section 5.3, arXiv:2102.05918, after CLIP section 3.1.4, arXiv:2103.00020.
    """
    if int(np.sum(text_count)) != len(text_embedding):
        raise ValueError(
            f"text_count adds up to {int(np.sum(text_count))} for {len(text_embedding)} texts; give the number of "
            "texts of each class"
        )
    without = np.flatnonzero(np.asarray(text_count) < 1)
    if len(without) or not len(text_count):
        raise ValueError(
            f"class {without[0] if len(without) else 0} has no text; give each class a name and a template"
        )
    check_unit_rows("text_embedding", text_embedding)
    starts = np.concatenate([[0], np.cumsum(text_count)[:-1]])  # [K]
    total = np.add.reduceat(text_embedding.astype(np.float64), starts, axis=0)  # [K, D]
    length = np.linalg.norm(total, axis=1, keepdims=True)  # [K, 1]
    lost = np.flatnonzero(length < LEAST_LENGTH * np.asarray(text_count)[:, None])
    if len(lost):
        raise ValueError(f"the texts of class {lost[0]} cancel out, so that their mean has no direction")
    return (total / length).astype(text_embedding.dtype)


@dataclass(frozen=True)
class Classified:
    """Where each image's own class stands among all, and which one the model names.

    Attributes:
      labels: [N] the right answer.
      answers: G.
      above: [N] answers that stand before the right one for certain.
      level: [N] answers that share its place in random order, itself included.
      named: [N] the most similar answer; of equals the one with the lowest index.
      rival: [N] the most similar wrong answer, likewise; NO_ANSWER where G is 1.
      margin: [N] similarity of the rival minus that of the right answer: above 0 the model is wrong. NaN where G is 1.
      confidence: [N] the softmax's probability of the named answer; NaN without a temperature.
    """

    labels: NDArray[np.int64]
    answers: int
    above: NDArray[np.int64]
    level: NDArray[np.int64]
    named: NDArray[np.int64]
    rival: NDArray[np.int64]
    margin: NDArray[np.float64]
    confidence: NDArray[np.float64]

    def hits(self, k: int) -> NDArray[np.float64]:
        """Returns [N] probabilities that the right answer is among the first k; NaN where any model's are, G <= k."""
        if self.answers <= k:
            return np.full(len(self.labels), math.nan)
        return hit_probability(self.above, self.level, 1, k)


def classify(
    image_embedding: Floats,
    labels: Integers,
    class_embedding: Floats,
    *,
    answers: Integers | None = None,
    temperature: float | None = None,
    ties: Ties = "expected",
    images_per_chunk: int = IMAGES_PER_CHUNK,
) -> Classified:
    """Rank all classes for each image.

    A set that has but some of a model's classes (ImageNet-R and -A have 200 of ImageNet's 1000), or merges some
    (ObjectNet's "chair" is any of ImageNet's chairs), says by `answers` what each class counts as. An answer is as
    similar to an image as the most similar of its classes, and as probable as all of them together.

    Args:
      image_embedding: [N, D], unit length.
      labels: [N] the right answer of each image, from 0 to G - 1.
      class_embedding: [K, D], unit length, as `class_embeddings` has them.
      answers: [K] the answer from 0 to G - 1 that each class counts as, NO_ANSWER for none; by default its own index.
      temperature: what the model divides similarities by before the softmax (CLIP's logit scale is 1 / temperature);
        by default no confidence is told.
      ties: how equals stand and what is equal, as `ranking` has it.
      images_per_chunk: R, images compared with all classes at once.

    Raises:
      ValueError: an embedding is no unit vector, a label is no answer, `answers` does not fit, or the temperature is
        not above 0.
    """
    right = np.asarray(labels, np.int64)  # [N]
    places = np.arange(len(class_embedding)) if answers is None else np.asarray(answers, np.int64)  # [K]
    count = _answer_count(places, len(class_embedding))
    _check(image_embedding, right, class_embedding, count, temperature)
    order = np.argsort(places, kind="stable")
    order = order[places[order] != NO_ANSWER]  # the classes that take part, those of one answer side by side
    starts = np.flatnonzero(np.diff(places[order], prepend=-1))  # [G] where each answer's classes begin
    taking_part = class_embedding[order].astype(np.float64)

    images = len(right)
    above, level, named, rival = (np.zeros(images, np.int64) for _ in range(4))
    margin, confidence = (np.full(images, math.nan) for _ in range(2))
    for start in range(0, images, images_per_chunk):
        rows = slice(start, start + images_per_chunk)
        product = image_embedding[rows].astype(np.float64) @ taking_part.T
        by_class = compared_by(product, ties)  # [R, classes that take part]
        similarity = np.maximum.reduceat(by_class, starts, axis=1)  # [R, G]
        target = right[rows, None]  # [R, 1]
        own = np.take_along_axis(similarity, target, axis=1)  # [R, 1]
        above[rows], level[rows] = np.sum(similarity > own, axis=1), np.sum(similarity == own, axis=1)
        if ties == "index":
            above[rows] += np.sum((similarity == own) & (np.arange(count) < target), axis=1)
            level[rows] = 1
        named[rows] = np.argmax(similarity, axis=1)
        if temperature is not None:
            confidence[rows] = _confidence(by_class / temperature, starts, named[rows])
        np.put_along_axis(similarity, target, -np.inf, axis=1)
        rival[rows] = np.argmax(similarity, axis=1) if count > 1 else NO_ANSWER
        if count > 1:
            margin[rows] = similarity.max(axis=1) - own[:, 0]
    return Classified(right, count, above, level, named, rival, margin, confidence)


def accuracy_values(classified: Classified) -> dict[str, NDArray[np.float64]]:
    """Returns name -> [N] values whose mean is the metric of that name: top_1, top_5 and mean_per_class.

    mean_per_class is the mean over the classes that have images of the share of its images that are named rightly. An
    image's value is its hit times N / (classes with images x images of its class).
    """
    return {f"top_{k}": classified.hits(k) for k in TOP} | {
        "mean_per_class": per_class_values(classified.hits(1), classified.labels)
    }


def per_class_values(hits: NDArray[np.float64], labels: Integers) -> NDArray[np.float64]:
    """Weight hits so that their mean is the mean over classes of the mean within each.

    Args:
      hits: [N].
      labels: [N] the class of each.

    Returns:
      [N].
    """
    images = np.bincount(labels) if len(labels) else np.zeros(0, np.int64)  # of each class
    return hits * len(labels) / (np.count_nonzero(images) * images[labels])


def confusions(labels: Integers, named: Integers) -> list[tuple[int, int, int]]:
    """Returns the entries of the confusion matrix that are not 0: (right answer, named answer, images).

    The most frequent come first, equals by their answers.
    """
    pairs, images = np.unique(np.stack([labels, named], axis=1), axis=0, return_counts=True)
    order = np.argsort(-images, kind="stable")
    return [
        (int(right), int(wrong), int(count)) for (right, wrong), count in zip(pairs[order], images[order], strict=True)
    ]


def without_images(labels: Integers, names: Sequence[str]) -> str | None:
    """Returns a sentence that counts and names the classes that no image is of; None where there are none.

    Args:
      labels: [N] indices into `names`.
      names: K, what each class is called.
    """
    absent = np.setdiff1d(np.arange(len(names)), labels)
    if not len(absent):
        return None
    shown = ", ".join(repr(names[index]) for index in absent[:NAMES_SHOWN])
    more = f" and {len(absent) - NAMES_SHOWN} more" if len(absent) > NAMES_SHOWN else ""
    return f"{len(absent)} of {len(names)} classes have no image and count in no mean per class: {shown}{more}"


def _answer_count(places: NDArray[np.int64], classes: int) -> int:
    if places.shape != (classes,):
        raise ValueError(f"answers has the shape {places.shape} for {classes} classes; give one answer a class")
    count = int(places.max(initial=NO_ANSWER)) + 1
    lost = np.setdiff1d(np.arange(count), places)
    if not count or len(lost) or places.min() < NO_ANSWER:
        wrong = f"no class counts as answer {lost[0]}" if len(lost) else "no class takes part or one is below -1"
        raise ValueError(f"{wrong}; number the answers from 0 and leave none out")
    return count


def _check(images: Floats, labels: NDArray[np.int64], classes: Floats, count: int, temperature: float | None) -> None:
    check_unit_rows("image_embedding", images)
    check_unit_rows("class_embedding", classes)
    check_same_width("image_embedding", images, "class_embedding", classes)
    if labels.shape != (len(images),):
        raise ValueError(f"labels has the shape {labels.shape} for {len(images)} images; give one an image")
    unknown = np.flatnonzero((labels < 0) | (labels >= count))
    if len(unknown):
        raise ValueError(
            f"image {unknown[0]} has the label {labels[unknown[0]]}, which none of the {count} classes is "
            f"({len(unknown)} such images); give each image one of them, counted from 0"
        )
    if temperature is not None and not temperature > 0:
        raise ValueError(f"temperature is {temperature:g}; similarities are divided by it, so it is above 0")


def _confidence(logits: Floats, starts: Integers, named: Integers) -> NDArray[np.float64]:
    """Returns [R] probabilities of the named answers, whose classes begin at `starts`, by the softmax of all logits."""
    exponential = np.exp(logits - logits.max(axis=1, keepdims=True))  # [R, K]
    by_answer = np.add.reduceat(exponential, starts, axis=1)  # [R, G]
    return np.take_along_axis(by_answer, named[:, None], axis=1)[:, 0] / by_answer.sum(axis=1)
