"""Judges retrieval: images ask for captions and captions for images, and each for its like where a set says what fits.

Legend: N images, M captions, D embedding dimension, Q queries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from components.evaluator.datasets.kinds import Indices, PairSet, PositivesSet, no_pairs
from components.evaluator.metrics.bootstrap import Statistic
from components.evaluator.metrics.mistakes import NOBODY, closest_wrong
from components.evaluator.metrics.ranked import RECALL_AT, Ranked
from components.evaluator.metrics.ranking import Floats, Ties, mean
from components.evaluator.metrics.retrieval import mean_recall_values, own_pairs, precision_across, rank_across
from components.evaluator.metrics.within import precision_within, queries_with_copies, rank_within
from components.evaluator.tasks.judged import Answers, Item, Judged, Number, hardest
from components.evaluator.tasks.keeping import owners
from components.evaluator.tasks.numbers import number

CURVE_AT = (1, 2, 3, 5, 10, 20, 50, 100)
HEADLINES = ("i2t_recall_at_1", "t2i_recall_at_1", "mean_recall")
GALLERY = "gallery"  # the way of what is over both directions: an image with its captions asks
_WORDS = {"i2t": "captions", "t2i": "images", "t2t": "captions", "i2i": "images"}  # what each way looks for


@dataclass(frozen=True)
class _Way:
    """One way to ask: what is right for whom, what is no candidate, and how it went."""

    name: str
    pairs: Indices
    excluded: Indices
    ranked: Ranked
    precision: NDArray[np.float64]


def judge_pairs(
    judged: Judged, pairs: PairSet, image_embedding: Floats, caption_embedding: Floats, *, ties: Ties = "expected"
) -> Judged:
    """Fill in recall, mean recall, median rank and mAP@R both ways; an image's own captions are right.

    Args:
      judged: what is judged, without numbers.
      pairs: the set.
      image_embedding: [N, D], unit length.
      caption_embedding: [M, D], unit length.
      ties: of equal similarities.

    Raises:
      ValueError: an embedding is no unit vector.
    """
    own = own_pairs(pairs.caption_count, len(pairs.images), len(pairs.captions))
    ways = _across(image_embedding, caption_embedding, own, own[:, ::-1], ties)
    return _judged(judged, pairs, image_embedding, caption_embedding, list(ways))


def judge_positives(
    judged: Judged,
    positives: PositivesSet,
    image_embedding: Floats,
    caption_embedding: Floats,
    *,
    ties: Ties = "expected",
) -> Judged:
    """Fill in the same for listed right answers, and where there are any, those within each modality.

    Args and errors are those of `judge_pairs`.
    """
    ways: list[_Way] = []
    if len(positives.image_to_text) or len(positives.text_to_image):
        ways += _across(image_embedding, caption_embedding, positives.image_to_text, positives.text_to_image, ties)
    notes = []
    for way, embedding, right, excluded in (
        ("t2t", caption_embedding, positives.text_text, positives.text_text_excluded),
        ("i2i", image_embedding, positives.image_image, positives.image_image_excluded),
    ):
        if len(right):
            ranked = rank_within(embedding, right, excluded, ties=ties)
            itself = np.stack([ranked.asked, ranked.asked], axis=1)
            out = np.concatenate([excluded, itself])
            precision = precision_within(embedding, right, excluded, ties=ties)
            ways.append(_Way(way, right, out, ranked, precision))
            copies = queries_with_copies(embedding, right, excluded)
            if copies:
                notes.append(f"{way}: {copies} queries have a copy of themselves in the gallery that counts as wrong")
    found = _judged(judged, positives.pairs, image_embedding, caption_embedding, ways)
    return replace(found, notes=(*found.notes, *notes))


def _across(images: Floats, captions: Floats, forward: Indices, backward: Indices, ties: Ties) -> Iterator[_Way]:
    ranked = rank_across(images, captions, forward, backward, ties=ties)
    precision = precision_across(images, captions, forward, backward, ties=ties)
    for way, pairs in (("i2t", forward), ("t2i", backward)):
        if way in ranked:
            yield _Way(way, pairs, no_pairs(), ranked[way], precision[f"{way}_map_at_r"])


def _judged(judged: Judged, pairs: PairSet, images: Floats, captions: Floats, ways: list[_Way]) -> Judged:
    owner = owners(pairs)
    tables = {"i": images, "t": captions}
    keys = {"i": pairs.image_ids, "t": _caption_keys(pairs)}
    clusters = {"i": np.arange(len(images)), "t": owner}
    first = {"i": 0, "t": len(images)}  # of `items`
    items = (*(Item(image=name) for name in pairs.image_ids), *(Item(text) for text in pairs.captions))
    numbers: dict[str, Number] = {}
    curves, answers, per_query, notes = {}, {}, {}, []
    for way in ways:
        asking, answering = way.name[0], way.name[2]
        asked = way.ranked.asked
        values = way.ranked.values(way.name) | {f"{way.name}_map_at_r": way.precision}
        known = np.concatenate([way.pairs, way.excluded])
        got, similarity = closest_wrong(tables[asking], tables[answering], asked, known)
        answers[way.name] = Answers(
            decides=f"{way.name}_recall_at_1",
            keys=tuple(keys[asking][row] for row in asked),
            clusters=clusters[asking][asked],
            asked=first[asking] + asked,
            got=first[answering] + np.where(got == NOBODY, way.ranked.best, got),
            right=first[answering] + way.ranked.best,
            margin=similarity - way.ranked.similarity,
        )
        per_query[way.name] = values
        smallest = int(way.ranked.candidates.min())
        curves[f"recall_{way.name}"] = tuple((float(k), mean(way.ranked.hits(k))) for k in CURVE_AT if k < smallest)
        for name, value in values.items():
            k = name.rpartition("_recall_at_")[2]
            chance = {"chance": mean(way.ranked.chances(int(k)))} if k.isdigit() else {}
            statistic: Statistic = "median" if name.endswith("median_rank") else "mean"
            numbers[name] = number(value, clusters=clusters[asking][asked], statistic=statistic, **chance)
        lost = [k for k in RECALL_AT if f"{way.name}_recall_at_{k}" not in values]
        if lost:
            notes.append(
                f"{way.name}: no recall at {', '.join(map(str, lost))}, as some query has only {smallest} "
                f"{_WORDS[way.name]} to choose from"
            )
        if way.ranked.without_answer:
            notes.append(f"{way.name}: {way.ranked.without_answer} rows have no right answer and ask nothing")
        level = int(np.sum(way.ranked.level > way.ranked.level_right))
        if level:
            notes.append(
                f"{way.name}: {level} of {len(asked)} queries have a wrong answer just as similar as the right one, "
                "such as a copy of it"
            )
    ranked = {way.name: way.ranked for way in ways}
    if {"i2t", "t2i"} <= ranked.keys() and not any("no recall at" in note for note in notes):
        asking_images = np.union1d(ranked["i2t"].asked, owner[ranked["t2i"].asked])
        share = mean_recall_values(ranked["i2t"], ranked["t2i"], owner, len(images))
        numbers["mean_recall"] = number(share)
        per_query[GALLERY] = {"mean_recall": share}
        answers[GALLERY] = Answers(
            decides="",
            keys=tuple(pairs.image_ids[row] for row in asking_images),
            clusters=asking_images,
            asked=asking_images,
            got=asking_images,
            right=asking_images,
            margin=np.full(len(asking_images), -np.inf),
        )
    return Judged(
        judged.dataset,
        "retrieval",
        judged.split,
        judged.language,
        {name: numbers[name] for name in (*HEADLINES, *numbers) if name in numbers},
        curves=curves,
        failures=hardest(items, answers),
        notes=tuple(notes),
        items=items,
        answers=answers,
        per_query=per_query,
    )


def _caption_keys(pairs: PairSet) -> tuple[str, ...]:
    """Returns [M] the image's name and the caption's number among its own, from 0."""
    return tuple(
        f"{name}#{number}"
        for name, count in zip(pairs.image_ids, pairs.caption_count, strict=True)
        for number in range(count)
    )
