"""Judges zero-shot classification of images that are of several classes: naming any of them is right.

Legend: N images, K classes, T texts, D embedding dimension.
"""

from __future__ import annotations

import math

import numpy as np

from components.evaluator.datasets.kinds import no_pairs
from components.evaluator.datasets.multi_label import MultiLabelSet
from components.evaluator.metrics.classes.classification import TOP, class_embeddings, confusions
from components.evaluator.metrics.mistakes import NOBODY, closest_wrong
from components.evaluator.metrics.ranking import Floats, Ties, mean
from components.evaluator.metrics.retrieval import rank_across
from components.evaluator.tasks.classes import CONFUSIONS_SHOWN, WAY
from components.evaluator.tasks.judged import Answers, Item, Judged, hardest
from components.evaluator.tasks.numbers import number, slices
from components.evaluator.tasks.zero_shot import class_texts

DECIDES = "top_1"


def judge_multi_label(
    judged: Judged,
    classified: MultiLabelSet,
    image_embedding: Floats,
    text_embedding: Floats,
    *,
    ties: Ties = "expected",
) -> Judged:
    """Fill in top-1 and top-5: the share of the images of which a right class is among the first 1 or 5.

    Args:
      judged: what is judged, without numbers.
      classified: the set.
      image_embedding: [N, D], unit length.
      text_embedding: [T, D], unit length, of `zero_shot.class_texts`.
      ties: of equal similarities.

    Raises:
      ValueError: an embedding is no unit vector, or the texts of a class cancel out.

    Reference: top-1 is the ReaL accuracy of arXiv:2006.07159, section 3.
    """
    classes = class_embeddings(text_embedding, class_texts(classified)[1])  # [K, D]
    ranked = rank_across(image_embedding, classes, classified.right, no_pairs(), ties=ties)["i2t"]  # of all N images
    got, similarity = closest_wrong(image_embedding, classes, ranked.asked, classified.right)
    images, count = len(classified.image_ids), len(classes)
    per_query = {f"top_{k}": ranked.hits(k) if k < count else np.full(images, math.nan) for k in TOP}
    names = [names[0] for names in classified.classes]
    items = (*(Item(image=name) for name in classified.image_ids), *map(Item, names))
    answers = Answers(
        decides=DECIDES,
        keys=classified.image_ids,
        clusters=np.arange(images),
        asked=np.arange(images),
        got=images + np.where(got == NOBODY, ranked.best, got),
        right=images + ranked.best,
        margin=similarity - ranked.similarity,
    )
    row, label = classified.right.T  # [P]: an image counts in the slice of each of its classes
    missed = ranked.hits(1) == 0  # for certain, with ties expected
    wrong = confusions(ranked.best[missed], got[missed])
    return Judged(
        judged.dataset,
        "zero_shot",
        judged.split,
        judged.language,
        {f"top_{k}": number(per_query[f"top_{k}"], chance=mean(ranked.chances(k))) for k in TOP},
        slices=slices("class", dict(enumerate(names)), label, {DECIDES: per_query[DECIDES][row]}),
        confusions=tuple((names[right], names[told], times) for right, told, times in wrong[:CONFUSIONS_SHOWN]),
        failures=hardest(items, {WAY: answers}),
        items=items,
        answers={WAY: answers},
        per_query={WAY: per_query},
    )
