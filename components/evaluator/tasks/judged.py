"""What judging a model on one data set gives: numbers with intervals, the answers behind them, the hardest failures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FAILURES_SHOWN = 12  # of each way to ask


@dataclass(frozen=True)
class Number:
    """One figure of a model.

    Attributes:
      value: the figure, a share in [0, 1] where `measures.py` says so; NaN where it does not exist.
      low, high: ends of the interval in which it lies with 95 % over other queries like these; NaN where there is none.
      queries: how many queries it is the mean or median of.
      chance: what guessing gets; NaN where nobody knows.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    queries: int = 0
    chance: float = math.nan


@dataclass(frozen=True)
class Item:
    """Something that asks or answers: a text, a picture by its id, or a picture with the text that names it."""

    text: str = ""
    image: str = ""


@dataclass(frozen=True)
class Answers:
    """All queries of one way to ask, a row each; the items are those of the `Judged`.

    Attributes:
      decides: the name in `per_query[way]` whose 1 is a right answer and whose 0 a wrong one.
      keys: Q names, each once, by which the same query is found in another model's answers.
      clusters: [Q] queries of the same number are drawn together by the bootstrap: the captions of one image.
      asked: [Q] index of the item that asks.
      got: [Q] index of the item that the model ranks first among the wrong ones.
      right: [Q] index of the best right item.
      margin: [Q] similarity of `got` minus that of `right`: above 0 the model is wrong, and by how much.
    """

    decides: str
    keys: tuple[str, ...]
    clusters: NDArray[np.int64]
    asked: NDArray[np.int64]
    got: NDArray[np.int64]
    right: NDArray[np.int64]
    margin: NDArray[np.float64]


@dataclass(frozen=True)
class Failure:
    """A query that the model got wrong.

    Attributes:
      way: the way to ask, such as "i2t", "t2i", "class".
      asked: what asked.
      got: what the model ranked first.
      right: what it should have ranked first.
      margin: similarity of `got` minus that of `right`, above 0.
    """

    way: str
    asked: Item
    got: Item
    right: Item
    margin: float


@dataclass(frozen=True)
class Slice:
    """The numbers of a part of the queries, such as those of one class.

    Attributes:
      by: what the parts are of: "class", "language", "category".
      name: of the part.
      numbers: name -> number.
    """

    by: str
    name: str
    numbers: Mapping[str, Number]


@dataclass(frozen=True)
class Judged:
    """A model on one data set in one way.

    Attributes:
      dataset: the registry's name of the set.
      task: "retrieval", "zero_shot", "similarity", "knn", "probe", "choice" or "transfer".
      split: of the set, such as "test".
      language: of the texts, as its tag; None where they are of several or none.
      numbers: name of measures.MEASURES -> number; the headline numbers come first.
      slices: the same for parts of the queries, worst first.
      curves: name -> points (x, y), each for one plot: "recall_i2t" and "recall_t2i" (k, share), "calibration"
        (confidence, accuracy), "knn" (K, share), "probe" (log10 of the regularisation, accuracy on held-out rows).
      confusions: (right class, named class, images), the most frequent first.
      failures: the hardest ones, worst first, at most FAILURES_SHOWN a way.
      skipped: reason -> how many inputs could not be judged.
      notes: sentences on what the reader should know of the numbers.
      seconds: that judging took, embedding apart.
      items: what `answers` index.
      answers: way -> all queries.
      per_query: way -> name -> [Q] float64, of which the number of that name is the mean or median.
    """

    dataset: str
    task: str
    split: str
    language: str | None
    numbers: Mapping[str, Number]
    slices: tuple[Slice, ...] = ()
    curves: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    confusions: tuple[tuple[str, str, int], ...] = ()
    failures: tuple[Failure, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    items: tuple[Item, ...] = ()
    answers: Mapping[str, Answers] = field(default_factory=dict)
    per_query: Mapping[str, Mapping[str, NDArray[np.float64]]] = field(default_factory=dict)


def hardest(items: Sequence[Item], answers: Mapping[str, Answers], count: int = FAILURES_SHOWN) -> tuple[Failure, ...]:
    """Returns the wrong answers with the widest margins, worst first, at most `count` of each way to ask."""
    failures = []
    for way, told in answers.items():
        for row in np.argsort(-told.margin, kind="stable")[:count]:
            if told.margin[row] > 0:
                asked, got, right = (items[column[row]] for column in (told.asked, told.got, told.right))
                failures.append(Failure(way, asked, got, right, float(told.margin[row])))
    return tuple(failures)


def to_mapping(judged: Judged) -> dict[str, Any]:
    """Returns the JSON form, without `items`, `answers` and `per_query`, which are as long as the set; NaN is null."""
    return {
        "dataset": judged.dataset,
        "task": judged.task,
        "split": judged.split,
        "language": judged.language,
        "numbers": _numbers_out(judged.numbers),
        "slices": [{"by": part.by, "name": part.name, "numbers": _numbers_out(part.numbers)} for part in judged.slices],
        "curves": {name: [[_out(x), _out(y)] for x, y in points] for name, points in judged.curves.items()},
        "confusions": [list(confusion) for confusion in judged.confusions],
        "failures": [
            {
                "way": failure.way,
                "asked": vars(failure.asked),
                "got": vars(failure.got),
                "right": vars(failure.right),
                "margin": _out(failure.margin),
            }
            for failure in judged.failures
        ],
        "skipped": dict(judged.skipped),
        "notes": list(judged.notes),
        "seconds": judged.seconds,
    }


def from_mapping(form: Mapping[str, Any]) -> Judged:
    """Returns what `to_mapping` wrote; keys that it does not write are left alone.

    Raises:
      KeyError, TypeError: `form` is not of that form.
    """
    return Judged(
        dataset=form["dataset"],
        task=form["task"],
        split=form["split"],
        language=form["language"],
        numbers=_numbers_in(form["numbers"]),
        slices=tuple(Slice(part["by"], part["name"], _numbers_in(part["numbers"])) for part in form["slices"]),
        curves={name: tuple((_in(x), _in(y)) for x, y in points) for name, points in form["curves"].items()},
        confusions=tuple((right, named, images) for right, named, images in form["confusions"]),
        failures=tuple(
            Failure(part["way"], Item(**part["asked"]), Item(**part["got"]), Item(**part["right"]), _in(part["margin"]))
            for part in form["failures"]
        ),
        skipped=dict(form["skipped"]),
        notes=tuple(form["notes"]),
        seconds=form["seconds"],
    )


def _numbers_out(numbers: Mapping[str, Number]) -> dict[str, dict[str, float | int | None]]:
    return {
        name: {key: _out(value) if isinstance(value, float) else value for key, value in vars(number).items()}
        for name, number in numbers.items()
    }


def _numbers_in(form: Mapping[str, Mapping[str, Any]]) -> dict[str, Number]:
    return {
        name: Number(_in(n["value"]), _in(n["low"]), _in(n["high"]), int(n["queries"]), _in(n["chance"]))
        for name, n in form.items()
    }


def _out(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _in(value: float | None) -> float:
    return math.nan if value is None else float(value)
