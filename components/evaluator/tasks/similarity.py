"""Judges semantic similarity: do the model's cosines order pairs as people's ratings do?

Legend: P pairs, D embedding dimension.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from components.evaluator.datasets.kinds import RatedSet
from components.evaluator.metrics.ranking import Floats
from components.evaluator.metrics.similarity import (
    Correlations,
    crisscrossed_correlations,
    pair_similarity,
    resampled_correlations,
    spearman,
)
from components.evaluator.tasks.judged import Answers, Item, Judged, Number, hardest

LEVEL = 95  # percent
WAY = "pair"


def judge_similarity(
    judged: Judged, rated: RatedSet, image_embedding: Floats, text_embedding: Floats, *, metric: str
) -> Judged:
    """Fill in Spearman's correlation of cosines and ratings.

    "spearman" is that of all pairs. "sts", "sis" and "sits" are CxC's: the mean over draws of half of the queries with
    one rated pair each, and the interval holds the middle 95 % of the draws.

    Args:
      judged: what is judged, without numbers.
      rated: the set.
      image_embedding, text_embedding: of the set's tables, unit rows where a pair asks for them.
      metric: which of the four.

    Raises:
      ValueError: an embedding is no unit vector.
    """
    tables = {"image": image_embedding, "text": text_embedding}
    cosine = _pair_similarity(rated, tables)
    pairs = len(rated.scores)
    draws = (
        resampled_correlations(cosine, rated.scores)
        if metric == "spearman"
        else crisscrossed_correlations(rated.left, cosine, rated.scores)
    )
    value = spearman(cosine, rated.scores) if metric == "spearman" else draws.mean
    low, high = _interval(draws)
    names = {"image": [Item(image=name) for name in rated.image_ids], "text": [Item(text) for text in rated.texts]}
    left = [names[rated.left_modality][index] for index in rated.left]
    right = [names[rated.right_modality][index] for index in rated.right]
    top = float(np.max(rated.scores))
    said = [
        Item(f"rated {score:g} of at most {top:g}; cosine {cos:.2f}")
        for score, cos in zip(rated.scores, cosine, strict=True)
    ]
    answers = Answers(
        decides="",
        keys=tuple(f"{a}/{b}" for a, b in zip(rated.left.tolist(), rated.right.tolist(), strict=True)),
        clusters=rated.left,
        asked=np.arange(pairs),
        got=pairs + np.arange(pairs),
        right=2 * pairs + np.arange(pairs),
        margin=np.abs(_rank_share(cosine) - _rank_share(rated.scores)),
    )
    items = (*left, *right, *said)
    notes: tuple[str, ...] = ()
    if draws.undefined:
        notes = (
            f"{draws.undefined} of {draws.undefined + len(draws.draws)} resamples have no correlation: one side is "
            "constant there",
        )
    return Judged(
        judged.dataset,
        "similarity",
        judged.split,
        judged.language,
        {metric: Number(value, low, high, pairs, chance=0.0)},
        failures=hardest(items, {WAY: answers}),
        notes=notes,
        items=items,
        answers={WAY: answers},
        per_query={WAY: {"cosine": cosine, "rating": rated.scores}},
    )


def _pair_similarity(rated: RatedSet, tables: dict[str, Floats]) -> NDArray[np.float64]:
    sides = []
    for modality, indices in ((rated.left_modality, rated.left), (rated.right_modality, rated.right)):
        used, places = np.unique(indices, return_inverse=True)  # others may have no vector: an image that is broken
        sides.append((tables[modality][used], places.ravel()))
    (left, left_places), (right, right_places) = sides
    return pair_similarity(left, right, left_places, right_places)


def _interval(draws: Correlations) -> tuple[float, float]:
    if not len(draws.draws):
        return math.nan, math.nan
    low, high = np.percentile(draws.draws, [50 - LEVEL / 2, 50 + LEVEL / 2])
    return float(low), float(high)


def _rank_share(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns [P] ranks from 0 to 1; equals share the mean of theirs."""
    _, level, held = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(held)
    return ((last - (held + 1) / 2)[level.ravel()]) / max(1, len(values) - 1)
