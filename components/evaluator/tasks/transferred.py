"""What fine-tuning on a data set gave, as results: the mean over runs by other seeds, and how far they lie apart.

Legend: R runs, N test images, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from components.evaluator.datasets.kinds import ClassSet
from components.evaluator.metrics.classes.classification import per_class_values
from components.evaluator.tasks.classes import judged_by_class
from components.evaluator.tasks.judged import Item, Judged, Number, Slice
from components.evaluator.tasks.numbers import number

TASK = "transfer"
TOP = (1, 5)


def judge_transfer(
    dataset: str,
    test: ClassSet,
    ranked: Sequence[NDArray[np.int64]],
    *,
    skipped: Mapping[str, int],
    notes: Sequence[str],
    seconds: float,
) -> Judged:
    """Score the classes that each run names.

    An image's value is the share of the runs that name it right. What is shown of answers is the first run's; an image
    is among the failures where more than half of the runs miss it.

    Args:
      dataset: the registry's name.
      test: N images of K classes.
      ranked: R of [N, at least min(5, K)] classes, the best first.
      skipped, notes, seconds: as `Judged` has them.

    Returns:
      `top_1`, `mean_per_class` (over the classes that have a test image), `top_5` where K is above 5, each the mean of
      the runs and with NAME_deviation, their standard deviation (n - 1), where there are several.
    """
    labels, classes = test.labels, len(test.classes)
    hits = {k: np.array([(each[:, :k] == labels[:, None]).any(axis=1) for each in ranked], np.float64) for k in TOP}
    runs = {"top_1": hits[1], "mean_per_class": np.array([per_class_values(each, labels) for each in hits[1]])}
    if classes > TOP[1]:
        runs["top_5"] = hits[TOP[1]]  # [R, N]
    numbers: dict[str, Number] = {}
    for name, values in runs.items():
        chance = (TOP[1] if name == "top_5" else TOP[0]) / classes
        numbers[name] = number(values.mean(axis=0), chance=chance)
        numbers |= deviation(name, values.mean(axis=1))
    told = ", ".join(f"{share:.2%}" for share in hits[1].mean(axis=1))
    first, images = ranked[0], len(labels)
    judged = Judged(
        dataset,
        TASK,
        "test",
        None,
        numbers,
        skipped=dict(skipped),
        notes=(f"top-1 of the runs: {told}", *notes),
        seconds=seconds,
    )
    return judged_by_class(
        judged,
        test,
        decides="top_1",
        named=first[:, 0],
        got=images + np.where(first[:, 0] == labels, first[:, 1], first[:, 0]),
        right=images + labels,
        margin=1 - 2 * hits[1].mean(axis=0),
        items=[*(Item(image=name) for name in test.image_ids), *(Item(names[0]) for names in test.classes)],
        per_query={name: values.mean(axis=0) for name, values in runs.items()},
    )


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
        Slice("group", name, _over_runs(_means(runs, tasks), sum(task in runs for task in tasks)))
        for name, tasks in groups.items()
        if any(task in runs for task in tasks)
    )
    numbers = _over_runs(_means(runs, [*runs]), len(runs))
    return Judged("vtab", TASK, "test", None, numbers, slices=slices, notes=tuple(notes))


def deviation(name: str, runs: Sequence[float] | NDArray[np.float64]) -> dict[str, Number]:
    """Returns the standard deviation (n - 1) of runs under the name of their number; nothing of one run."""
    if len(runs) < 2:
        return {}
    return {f"{name}_deviation": Number(float(np.std(runs, ddof=1)), queries=len(runs))}


def _over_runs(runs: Sequence[float], tasks: int) -> dict[str, Number]:
    """Returns `top_1` of so many tasks, the mean of the runs, and their deviation."""
    return {"top_1": Number(float(np.mean(runs)), queries=tasks), **deviation("top_1", runs)}


def _means(runs: Mapping[str, Sequence[float]], tasks: Sequence[str]) -> list[float]:
    """Returns the mean over these tasks in each run."""
    return [float(np.mean(shares)) for shares in zip(*(runs[task] for task in tasks if task in runs), strict=True)]
