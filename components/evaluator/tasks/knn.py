"""Judges nearest neighbours: is an image's class among the labels of the training images most similar to it?

Legend: N images that ask, M training images, D embedding dimension.
"""

from __future__ import annotations

import math

import numpy as np

from components.evaluator.datasets.kinds import TrainedSet
from components.evaluator.metrics.classes.knn import NONE, nearest_neighbours
from components.evaluator.metrics.ranking import Floats, Ties
from components.evaluator.tasks.classes import judged_by_class
from components.evaluator.tasks.judged import Item, Judged
from components.evaluator.tasks.numbers import number

TOP = (1, 5, 10)
SAME = 1 - 1e-6  # similarity of one image embedded twice, in other batches


def judge_knn(
    judged: Judged, trained: TrainedSet, train_embedding: Floats, test_embedding: Floats, *, ties: Ties = "expected"
) -> Judged:
    """Fill in whether the class is among the labels of the 1, 5 and 10 nearest training images.

    Args:
      judged: what is judged, without numbers.
      trained: the set.
      train_embedding: [M, D], unit length.
      test_embedding: [N, D], unit length.
      ties: of equal similarities.

    Raises:
      ValueError: an embedding is no unit vector, or K is above the number of training images.
    """
    train, test = trained.train, trained.test
    found = nearest_neighbours(test_embedding, test.labels, train_embedding, train.labels, ties=ties)
    per_query = {f"knn_top_{k}": found.hits(k) for k in TOP if k <= found.trained}
    images = len(test.image_ids)
    names = [names[0] for names in test.classes]
    items = [
        *(Item(image=name) for name in test.image_ids),
        *(Item(names[label], name) for label, name in zip(train.labels, train.image_ids, strict=True)),
        *(Item(name) for name in names),  # for a class that no training image is of
    ]
    of_class = images + found.trained + test.labels
    right = np.where(found.right == NONE, of_class, images + found.right)
    got = np.where(found.rival == NONE, right, images + found.rival)
    is_right = (found.right != NONE) & ~(found.margin > 0)
    named = np.where(is_right, test.labels, train.labels[found.rival])
    notes = []
    if found.without_training:
        notes.append(f"images of a class that no training image is of, which count as missed: {found.without_training}")
    near = np.flatnonzero(found.right != NONE)
    similarity = np.einsum("nd,nd->n", test_embedding[near], train_embedding[found.right[near]], dtype=np.float64)
    copies = int(np.sum(similarity >= SAME))
    if copies:
        notes.append(f"images that have the vector of a training image of their class, as copies of it have: {copies}")
    chance = np.bincount(train.labels, minlength=len(names))[test.labels].mean() / found.trained
    return judged_by_class(
        Judged(
            judged.dataset,
            "knn",
            judged.split,
            None,
            {
                name: number(values, chance=float(chance) if name == "knn_top_1" else math.nan)
                for name, values in per_query.items()
            },
            curves={
                "knn": tuple((float(k), float(np.mean(per_query[f"knn_top_{k}"]))) for k in TOP if k <= found.trained)
            },
            notes=tuple(notes),
        ),
        test,
        decides="knn_top_1",
        named=named,
        got=got,
        right=right,
        margin=found.margin,
        items=items,
        per_query=per_query,
    )
