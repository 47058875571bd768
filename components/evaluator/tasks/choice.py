"""Judges compositional choice: which caption fits which image, where they differ in a detail.

Legend: I items, A images of an item, C captions of an item, D embedding dimension.
"""

from __future__ import annotations

import numpy as np

from components.evaluator.datasets.kinds import ChoiceSet
from components.evaluator.metrics.choice import choice_chances, choice_values
from components.evaluator.metrics.ranking import Floats
from components.evaluator.tasks.judged import Answers, Item, Judged, hardest
from components.evaluator.tasks.numbers import number, slices

WAY = "caption"


def judge_choice(judged: Judged, choices: ChoiceSet, image_embedding: Floats, caption_embedding: Floats) -> Judged:
    """Fill in text score and, with two images an item, image and group score.

    Args:
      judged: what is judged, without numbers.
      choices: the set.
      image_embedding, caption_embedding: of its tables, unit rows where an item asks for them.

    Raises:
      ValueError: an embedding is no unit vector.
    """
    images = image_embedding[choices.item_images]  # [I, A, D]
    captions = caption_embedding[choices.item_captions]  # [I, C, D]
    per_query = choice_values(images, captions)
    chances = choice_chances(images.shape[1], captions.shape[1])
    similarity = np.einsum("iad,icd->iac", images, captions)  # [I, A, C]
    own = np.arange(images.shape[1])
    right = similarity[:, own, own].copy()  # [I, A]
    similarity[:, own, own] = -np.inf
    margins = similarity.max(axis=2) - right  # [I, A]
    worst = margins.argmax(axis=1)  # [I] the image whose caption is farthest from being chosen
    rows = np.arange(len(worst))
    pictures = len(choices.image_ids)
    items = (*(Item(image=name) for name in choices.image_ids), *(Item(text) for text in choices.captions))
    answers = Answers(
        decides="text_score",
        keys=choices.item_ids,
        clusters=rows,
        asked=choices.item_images[rows, worst],
        got=pictures + choices.item_captions[rows, similarity.argmax(axis=2)[rows, worst]],
        right=pictures + choices.item_captions[rows, worst],
        margin=margins[rows, worst].astype(np.float64),
    )
    groups = sorted({group for group in choices.groups if group})
    part = np.array([groups.index(group) if group else -1 for group in choices.groups], np.int64)
    return Judged(
        judged.dataset,
        "choice",
        judged.split,
        judged.language,
        {name: number(values, chance=chances[name]) for name, values in per_query.items()},
        slices=slices("category", dict(enumerate(groups)), part, per_query),
        failures=hardest(items, {WAY: answers}),
        items=items,
        answers={WAY: answers},
        per_query={WAY: per_query},
    )
