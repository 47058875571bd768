"""Turns counts into the numbers of a split: what each asking scores, added up exactly, by slice, then divided.

Sums are fractions, so that neither the order nor the grouping of shards changes a digit: means are those of
`ranking.mean`.

Legend: N images, M captions, Q askings of images.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.classes.zero_shot import TOP
from components.evaluator.metrics.ranked import RECALL_AT
from components.evaluator.metrics.ranking import Floats, hit_probability
from components.evaluator.metrics.slices import CLASS, LANGUAGE, SOURCE, largest, prefix_of
from components.evaluator.sharded.counting import WHOLE, CaptionShard, Count, ImageShard

RECALLS = tuple(f"{way}_recall_at_{k}" for way in ("i2t", "t2i") for k in RECALL_AT)
ACCURACIES = tuple(f"zero_shot_top_{k}" for k in TOP)
Mask = NDArray[np.bool_]


@dataclass
class Facts:
    """What a shard or a split holds, whatever the model.

    Attributes:
      captions: captions of an image -> images.
      kinds: kind of slice -> value -> images; of languages, captions.
      labels: class -> images; those without one are not counted.
    """

    captions: Counter[int] = field(default_factory=Counter)
    kinds: dict[str, Counter[str]] = field(default_factory=dict)
    labels: Counter[str] = field(default_factory=Counter)

    def add(self, other: Facts) -> None:
        """Add what another shard of the split holds."""
        self.captions += other.captions
        self.labels += other.labels
        for kind, counts in other.kinds.items():
            self.kinds[kind] = self.kinds.get(kind, Counter()) + counts

    @property
    def slices(self) -> dict[str, tuple[str, ...]]:
        """Kind -> the values that are told apart."""
        return {kind: largest(counts) for kind, counts in self.kinds.items()}


@dataclass
class Tally:
    """What one model scores.

    Attributes:
      sums: name of a metric or of a slice's -> the sum over those that ask, and how many they are.
      broken: embeddings of images and captions that are not finite.
      broken_labelled: those among them of images with a class.
    """

    sums: dict[str, tuple[Fraction, int]] = field(default_factory=dict)
    broken: int = 0
    broken_labelled: int = 0

    def add(self, other: Tally) -> None:
        """Add what the model scores on another shard of the split."""
        for name, (total, asked) in other.sums.items():
            before = self.sums.get(name, (Fraction(0), 0))
            self.sums[name] = (before[0] + total, before[1] + asked)
        self.broken += other.broken
        self.broken_labelled += other.broken_labelled


@dataclass(frozen=True)
class Known:
    """What is known of the images of a shard.

    Attributes:
      labels: [N] the class of each, or "".
      sources: [N] where each came from; empty where no slice asks.
    """

    labels: Sequence[str]
    sources: Sequence[str]


def facts_of(images: ImageShard, captions: CaptionShard, known: Known, kinds: Sequence[str]) -> Facts:
    """Returns what a shard holds; `kinds` are the slices' that are told apart."""
    each = Counter(np.bincount(captions.owner, minlength=len(images.embedding)).tolist())
    labels = Counter(label for label in known.labels if label)
    by_kind = {LANGUAGE: lambda: Counter(captions.language.tolist()), SOURCE: lambda: Counter(known.sources)}
    return Facts(each, {kind: by_kind[kind]() if kind in by_kind else labels.copy() for kind in kinds}, labels)


def tally_shard(
    images: ImageShard,
    captions: CaptionShard,
    known: Known,
    counts: tuple[Count, Count],
    classes: Count | None,
    slices: Mapping[str, Sequence[str]],
) -> Tally:
    """Add up what the images and captions of a shard score.

    Args:
      images, captions, known: of the shard.
      counts: of count_pair, over the whole gallery.
      classes: of count_classes, of the images with a label; None where there are no classes to tell apart.
      slices: kind -> values.
    """
    asked, found = counts
    i2t = {k: hit_probability(asked.above, asked.level, images.right, k) for k in RECALL_AT}
    t2i = {k: hit_probability(found.above, found.level, 1, k) for k in RECALL_AT}
    labelled = np.array([bool(label) for label in known.labels], bool)
    tops = {} if classes is None else {k: hit_probability(classes.above, classes.level, 1, k) for k in TOP}
    tally = Tally()
    for prefix, rows, columns, pictures in _members(images, captions, known, slices):
        for k in RECALL_AT:
            tally.sums[f"{prefix}i2t_recall_at_{k}"] = _exactly(i2t[k][rows])
            tally.sums[f"{prefix}t2i_recall_at_{k}"] = _exactly(t2i[k][columns])
        if pictures is not None:
            for k, values in tops.items():
                tally.sums[f"{prefix}zero_shot_top_{k}"] = _exactly(values[pictures[labelled]])
    is_finite = np.isfinite(images.embedding).all(axis=1)
    tally.broken = int(np.sum(~is_finite) + np.sum(~np.isfinite(captions.embedding).all(axis=1)))
    tally.broken_labelled = int(np.sum(~is_finite[labelled]))
    return tally


def _members(
    images: ImageShard, captions: CaptionShard, known: Known, slices: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Mask, Mask, Mask | None]]:
    """Yield of the whole and of each slice: its prefix, its askings [Q], captions [M] and images [N]."""
    whole = images.language == WHOLE
    yield "", whole, np.ones(len(captions.own), bool), np.ones(len(images.embedding), bool)
    for language in slices.get(LANGUAGE, ()):
        yield prefix_of(LANGUAGE, language), images.language == language, captions.language == language, None
    for kind, values in ((SOURCE, known.sources), (CLASS, known.labels)):
        each = np.array(values, dtype=object)
        for value in slices.get(kind, ()):
            is_in = each == value
            yield prefix_of(kind, value), whole & is_in[images.row], is_in[captions.owner], is_in


def _exactly(values: Floats) -> tuple[Fraction, int]:
    different, times = np.unique(values, return_counts=True)
    pairs = zip(different.tolist(), times.tolist(), strict=True)
    return sum((Fraction(value) * number for value, number in pairs), Fraction(0)), len(values)


def numbers_of(facts: Facts, tally: Tally, classes: int, *, finite_classes: bool = True) -> dict[str, float]:
    """Returns each of METRICS and FACTS of config.py and tfma_metrics.py, and those of the slices.

    They are what `retrieval_metrics` and `zero_shot_metrics` give for the same gallery, NaN where these are.

    Args:
      facts: of the split.
      tally: of the model.
      classes: how many the images are told apart by.
      finite_classes: whether the embeddings of all of them are.
    """
    images, captions = facts.captions.total(), sum(each * number for each, number in facts.captions.items())
    labelled = facts.labels.total()
    classes = classes if labelled else 0
    numbers = {"num_images": float(images), "num_captions": float(captions), "num_classes": float(classes)}
    numbers["majority_class_share"] = max(facts.labels.values()) / labelled if labelled else math.nan
    numbers["chance_zero_shot"] = 1.0 / classes if classes else math.nan
    asking = {each: number for each, number in facts.captions.items() if each}
    for k in RECALL_AT:
        chance = ((float(hit_probability(0, captions, each, k)), number) for each, number in asking.items())
        numbers[f"chance_i2t_recall_at_{k}"] = _mean(chance)
        numbers[f"chance_t2i_recall_at_{k}"] = min(k / images, 1.0) if images else math.nan
    for name, (total, asked) in tally.sums.items():
        numbers[name] = float(total) / asked if asked and _is_number(name, tally, classes, finite_classes) else math.nan
        _, slash, metric = name.rpartition("/")
        if slash and metric in _SIZES:
            numbers[f"{name.removesuffix(metric)}{_SIZES[metric]}"] = float(asked)
    return dict.fromkeys(ACCURACIES, math.nan) | numbers


_SIZES = {"i2t_recall_at_1": "num_images", "t2i_recall_at_1": "num_captions"}  # how many ask in a slice


def _mean(values: Iterable[tuple[float, int]]) -> float:
    total, number = Fraction(0), 0
    for value, times in values:
        total, number = total + Fraction(value) * times, number + times
    return float(total) / number if number else math.nan


def _is_number(name: str, tally: Tally, classes: int, finite_classes: bool) -> bool:
    if not name.rpartition("/")[2].startswith("zero_shot"):
        return not tally.broken
    return finite_classes and not tally.broken_labelled and classes > int(name.rpartition("_")[2])
