"""Judges a linear probe: how well a linear classifier on the embeddings, learnt from the training part, names classes.

Legend: N images that ask, M training images, V images to choose by, D embedding dimension.
"""

from __future__ import annotations

import math

import numpy as np

from components.evaluator.datasets.kinds import TrainedSet
from components.evaluator.metrics.classes.linear_probe import Labelled, linear_probe
from components.evaluator.metrics.ranking import Floats
from components.evaluator.tasks.classes import judged_by_class
from components.evaluator.tasks.judged import Item, Judged
from components.evaluator.tasks.numbers import number


def judge_probe(
    judged: Judged,
    trained: TrainedSet,
    train_embedding: Floats,
    test_embedding: Floats,
    validation_embedding: Floats | None = None,
) -> Judged:
    """Fill in the probe's accuracy, and its mean per class.

    A probe has no similarities: the margin of a wrong answer is 1, that of a right one -1.

    Args:
      judged: what is judged, without numbers.
      trained: the set.
      train_embedding: [M, D], unit length.
      test_embedding: [N, D], unit length.
      validation_embedding: [V, D], unit length; None where the set has no such part.

    Raises:
      ValueError: an embedding is no unit vector, or fewer than 2 classes have a training image.
    """
    test = trained.test
    validation = None
    if trained.validation is not None and validation_embedding is not None:
        validation = Labelled(validation_embedding, trained.validation.labels)
    found = linear_probe(
        Labelled(train_embedding, trained.train.labels),
        Labelled(test_embedding, test.labels),
        classes=len(test.classes),
        validation=validation,
    )
    per_query = found.values()
    images, classes = len(test.image_ids), len(test.classes)
    wrong = found.named != test.labels
    notes = []
    if found.without_training:
        notes.append(f"images of a class that no training image is of, which count as missed: {found.without_training}")
    if not found.converged:
        notes.append("the probe's last fit was stopped before it had converged")
    return judged_by_class(
        Judged(
            judged.dataset,
            "probe",
            judged.split,
            None,
            {name: number(values, chance=1 / classes) for name, values in per_query.items()},
            curves={"probe": tuple((math.log10(trial.l2), trial.accuracy) for trial in found.trials)},
            notes=tuple(notes),
        ),
        test,
        decides="probe_top_1",
        named=found.named,
        got=images + found.named,
        right=images + test.labels,
        margin=np.where(wrong, 1.0, -1.0),
        items=[*(Item(image=name) for name in test.image_ids), *(Item(names[0]) for names in test.classes)],
        per_query=per_query,
    )
