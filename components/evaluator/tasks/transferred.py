"""What fine-tuning on a data set gave, as results: the mean over runs by other seeds, and how far they lie apart.

Legend: R runs, N test images, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from components.evaluator.tasks.judged import Judged, Number, Slice

TASK = "transfer"
TOP = (1, 5)


def judge_transfer(
    dataset: str,
    labels: NDArray[np.int64],
    ranked: Sequence[NDArray[np.int64]],
    classes: int,
    *,
    skipped: Mapping[str, int],
    notes: Sequence[str],
    seconds: float,
) -> Judged:
    """Score the classes that each run names.

    Args:
      dataset: the registry's name.
      labels: [N] class of each test image.
      ranked: R of [N, at least min(5, K)] classes, the best first.
      classes: K.
      skipped, notes, seconds: as `Judged` has them.

    Returns:
      `top_1`, `mean_per_class` (over the classes that have a test image), `top_5` where K is above 5, each the mean of
      the runs and with NAME_deviation, their standard deviation (n - 1), where there are several.
    """
    found = {"top_1": _shares(labels, ranked, 1), "mean_per_class": _class_means(labels, ranked)}
    if classes > TOP[1]:
        found["top_5"] = _shares(labels, ranked, TOP[1])
    numbers: dict[str, Number] = {}
    for name, runs in found.items():
        chance = (TOP[1] if name == "top_5" else TOP[0]) / classes
        numbers |= over_runs(name, runs, len(labels), chance)
    told = ", ".join(f"{share:.2%}" for share in found["top_1"])
    said = (f"top-1 of {len(ranked)} runs: {told}", *notes)
    return Judged(dataset, TASK, "test", None, numbers, skipped=dict(skipped), notes=said, seconds=seconds)


def judge_vtab(
    groups: Mapping[str, Sequence[str]], runs: Mapping[str, Sequence[float]], notes: Sequence[str]
) -> Judged:
    """Average the tasks of VTAB, each counting once, in each run; then over the runs.

    Args:
      groups: name -> its tasks.
      runs: task -> R shares of its test images named right.
      notes: what the reader should know.

    Returns:
      `top_1` of all tasks that are there, and as slices of each group; a note where some are not.
    """
    absent = [task for tasks in groups.values() for task in tasks if task not in runs]
    if absent:
        notes = [*notes, f"mean of {len(runs)} tasks, without {', '.join(absent)}"]
    slices = tuple(
        Slice("group", name, over_runs("top_1", _means(runs, tasks), len(tasks)))
        for name, tasks in groups.items()
        if any(task in runs for task in tasks)
    )
    numbers = over_runs("top_1", _means(runs, [*runs]), len(runs))
    return Judged("vtab", TASK, "test", None, numbers, slices=slices, notes=tuple(notes))


def over_runs(name: str, runs: Sequence[float], queries: int, chance: float = math.nan) -> dict[str, Number]:
    """Returns the mean of the runs, and their standard deviation (n - 1) where there are several."""
    found = {name: Number(float(np.mean(runs)), queries=queries, chance=chance)}
    if len(runs) > 1:
        found[f"{name}_deviation"] = Number(float(np.std(runs, ddof=1)), queries=len(runs))
    return found


def _shares(labels: NDArray[np.int64], ranked: Sequence[NDArray[np.int64]], k: int) -> list[float]:
    return [float((classes[:, :k] == labels[:, None]).any(axis=1).mean()) for classes in ranked]


def _class_means(labels: NDArray[np.int64], ranked: Sequence[NDArray[np.int64]]) -> list[float]:
    images = np.bincount(labels)
    right = [np.bincount(labels, classes[:, 0] == labels, len(images)) for classes in ranked]
    return [float((of_class[images > 0] / images[images > 0]).mean()) for of_class in right]


def _means(runs: Mapping[str, Sequence[float]], tasks: Sequence[str]) -> list[float]:
    """Returns the mean over these tasks in each run."""
    return [float(np.mean(shares)) for shares in zip(*(runs[task] for task in tasks if task in runs), strict=True)]
