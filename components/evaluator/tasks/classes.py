"""Judges by classes: zero-shot classification, nearest neighbours and the linear probe give the same kind of answers.

Legend: N images, K classes, D embedding dimension.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from components.evaluator.datasets.kinds import ClassSet
from components.evaluator.metrics.classes.classification import confusions, without_images
from components.evaluator.tasks.judged import Answers, Item, Judged, hardest
from components.evaluator.tasks.numbers import slices

CONFUSIONS_SHOWN = 20
WAY = "class"


def judged_by_class(
    judged: Judged,
    classified: ClassSet,
    *,
    decides: str,
    named: NDArray[np.int64],
    got: NDArray[np.int64],
    right: NDArray[np.int64],
    margin: NDArray[np.float64],
    items: Sequence[Item],
    per_query: Mapping[str, NDArray[np.float64]],
) -> Judged:
    """Returns `judged` with answers, failures, confusions, the numbers of each class, and the classes without images.

    Args:
      judged: names and numbers.
      classified: what was asked.
      decides: name of the values that say whether an image's class was found.
      named: [N] the class that the model names.
      got, right: [N] indices of `items`: the best wrong answer and the best right one.
      margin: [N] similarity of the first minus that of the second; NaN where either is missing.
      items: what was asked and answered.
      per_query: name -> [N].
    """
    images = len(classified.image_ids)
    answers = Answers(
        decides=decides,
        keys=classified.image_ids,
        clusters=np.arange(images),
        asked=np.arange(images),
        got=got,
        right=right,
        margin=margin,
    )
    wrong = [pair for pair in confusions(classified.labels, named) if pair[0] != pair[1]]
    names = [names[0] for names in classified.classes]
    absent = without_images(classified.labels, names)
    return replace(
        judged,
        notes=(*judged.notes, *([absent] if absent else [])),
        slices=slices("class", dict(enumerate(names)), classified.labels, {decides: per_query[decides]}),
        confusions=tuple((names[right], names[told], count) for right, told, count in wrong[:CONFUSIONS_SHOWN]),
        failures=hardest(items, {WAY: answers}),
        items=tuple(items),
        answers={WAY: answers},
        per_query={WAY: dict(per_query)},
    )
