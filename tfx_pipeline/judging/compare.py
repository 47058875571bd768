"""Compares two models by their results folders: a paired test of each number, and the queries whose answer flipped.

Both models are held against the same resamples of the same queries, so that what is hard for both cancels out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.bootstrap import Paired, Statistic, paired
from components.evaluator.metrics.similarity import crisscrossed_correlations, resampled_correlations, spearman
from components.evaluator.tasks.judged import Answers, Item, Judged
from tfx_pipeline.judging.results import Results, Row, read_answers, read_results
from tfx_pipeline.settings.config import ConfigError

FLIPS_SHOWN = 24  # of each way to ask
BY_OTHER_IMAGES = ("retrieval", "knn", "probe")  # tasks in which an answer hangs on the other images too


@dataclass(frozen=True)
class Change:
    """How a number differs between the models.

    Attributes:
      name: of the number.
      first, second: of the models.
      test: of the difference, the second one's minus the first one's; None where there are no values to draw from.
      queries: that both models answered.
    """

    name: str
    first: float
    second: float
    test: Paired | None
    queries: int


@dataclass(frozen=True)
class Flip:
    """A query that one model answers rightly and the other wrongly.

    Attributes:
      way: the way to ask.
      better: whether the second model is the right one.
      asked: what asked.
      right: what is right.
      got: what the wrong model ranked first.
      swing: how far the margin moved, in similarity.
    """

    way: str
    better: bool
    asked: Item
    right: Item
    got: Item
    swing: float


@dataclass(frozen=True)
class Compared:
    """A row that both models have.

    Attributes:
      row: of the first model.
      changes: of its numbers.
      won, lost: queries that the second model answers rightly and the first wrongly, and the other way round.
      flips: those with the greatest swing.
      left_out: queries that one of the models alone answered.
      remark: why nothing is tested; "" where all is.
    """

    row: Row
    changes: tuple[Change, ...]
    won: int
    lost: int
    flips: tuple[Flip, ...]
    left_out: int
    remark: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two results folders, row by row.

    Attributes:
      first, second: of the models.
      rows: that both have.
      alone: a sentence for each model that has rows which the other has not.
    """

    first: Results
    second: Results
    rows: tuple[Compared, ...]
    alone: tuple[str, ...] = ()


def compare(first: Path, second: Path) -> Comparison:
    """Compare two results folders.

    Raises:
      ConfigError: a folder holds no results, they are of different suites, or of a data set that has changed between.
    """
    a, b = read_results(first), read_results(second)
    if a.suite["fingerprint"] != b.suite["fingerprint"]:
        but = " with other data sets" if a.suite["name"] == b.suite["name"] else ""
        raise ConfigError(
            f"{first} was judged by the suite {a.suite['name']} and {second} by {b.suite['name']}{but}; judge "
            "both by one suite"
        )
    if a.ties != b.ties:
        raise ConfigError(
            f"{first} was judged with --ties {a.ties} and {second} with --ties {b.ties}; judge both by one rule"
        )
    others = {_key(row.judged): row for row in b.rows}
    rows = []
    for row in a.rows:
        other = others.get(_key(row.judged))
        if other is None:
            continue
        if row.data_fingerprint != other.data_fingerprint:
            raise ConfigError(
                f"{row.judged.dataset} has changed between the results in {first} and {second}: its images, texts or "
                "labels are others; judge both models again"
            )
        rows.append(_compared(row, other, read_answers(first, row.judged), read_answers(second, other.judged)))
    if not rows:
        raise ConfigError(f"{first} and {second} have no row in common; let both runs finish")
    return Comparison(a, b, tuple(rows), tuple(_alone(a, b)))


def _alone(a: Results, b: Results) -> Iterator[str]:
    """Yields a sentence for each folder that has rows which the other has not."""
    for name, here, there in (("A", a, b), ("B", b, a)):
        keys = {_key(row.judged) for row in there.rows}
        left = [" ".join(filter(None, _key(row.judged))) for row in here.rows if _key(row.judged) not in keys]
        if left:
            yield f"not compared, since {name} alone has them: {', '.join(left)}"


def _key(judged: Judged) -> tuple[str, str, str, str | None]:
    return judged.dataset, judged.task, judged.split, judged.language


def _remark(first: Row, second: Row, left_out: int) -> str:
    """Returns why two models that could not read the same images are not tested; "" where they can be."""
    unread = [(sum(row.judged.skipped.values()), {*row.broken}) for row in (first, second)]
    if first.judged.task not in BY_OTHER_IMAGES or (unread[0] == unread[1] and not left_out):
        return ""
    return (
        f"not tested: A was judged without {unread[0][0]} of the inputs and B without {unread[1][0]}, so they had "
        "other images to choose from"
    )


def _compared(row: Row, second_row: Row, first: Judged, second: Judged) -> Compared:
    changes = {}
    won, lost, left_out = 0, 0, 0
    flips: list[Flip] = []
    for way, told in first.answers.items():
        if way not in second.answers:
            continue
        other = second.answers[way]
        here, there = _common(told, other)
        left_out += len(told.keys) + len(other.keys) - 2 * len(here)
        mine = {name: values[here] for name, values in first.per_query[way].items()}
        theirs = {name: values[there] for name, values in second.per_query[way].items()}
        for change in _changes(first, second, mine, theirs, told.clusters[here]):
            changes[change.name] = change
        if told.decides:
            before, after = mine[told.decides], theirs[told.decides]
            won += int(np.sum(after > before))
            lost += int(np.sum(after < before))
            flips += _flips(way, first, second, here, there, before, after)
    remark = _remark(row, second_row, left_out)
    ordered = tuple(
        replace(changes[name], test=None) if remark else changes[name] for name in first.numbers if name in changes
    )
    return Compared(row, ordered, won, lost, tuple(flips), left_out, remark)


def _common(first: Answers, second: Answers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the places of the queries that both have, in the first one's order."""
    place = {key: index for index, key in enumerate(second.keys)}
    both = [(index, place[key]) for index, key in enumerate(first.keys) if key in place]
    here, there = zip(*both, strict=True) if both else ((), ())
    return np.array(here, np.int64), np.array(there, np.int64)


def _changes(
    first: Judged,
    second: Judged,
    mine: Mapping[str, NDArray[np.float64]],
    theirs: Mapping[str, NDArray[np.float64]],
    clusters: NDArray[np.int64],
) -> Iterator[Change]:
    if "cosine" in mine:  # rated pairs: their number is a correlation, which has draws of its own
        for name in first.numbers:
            yield Change(name, *_of_correlations(name, mine, theirs, clusters), len(clusters))
        return
    for name in mine:
        if name not in first.numbers or name not in second.numbers:
            continue
        statistic: Statistic = "median" if name.endswith("median_rank") else "mean"
        broken = np.isnan(mine[name]).any() or np.isnan(theirs[name]).any()
        test = None if broken else paired(mine[name], theirs[name], clusters=clusters, statistic=statistic)
        before, after = first.numbers[name], second.numbers[name]
        if first.task in BY_OTHER_IMAGES or before.queries == after.queries == len(clusters):
            yield Change(name, before.value, after.value, test, len(clusters))
        else:  # each over the queries that both answered
            yield Change(name, float(np.mean(mine[name])), float(np.mean(theirs[name])), test, len(clusters))


def _of_correlations(
    name: str,
    mine: Mapping[str, NDArray[np.float64]],
    theirs: Mapping[str, NDArray[np.float64]],
    clusters: NDArray[np.int64],
) -> tuple[float, float, Paired | None]:
    """Returns both correlations over the pairs that both answered, and their test on the same draws.

    None is tested where a draw has no correlation.
    """
    draws = [
        resampled_correlations(values["cosine"], values["rating"])
        if name == "spearman"
        else crisscrossed_correlations(clusters, values["cosine"], values["rating"])
        for values in (mine, theirs)
    ]
    first, second = (
        spearman(values["cosine"], values["rating"]) if name == "spearman" else each.mean
        for values, each in zip((mine, theirs), draws, strict=True)
    )
    if any(each.undefined for each in draws) or not len(draws[0].draws):
        return first, second, None
    moved = draws[1].draws - draws[0].draws
    low, high = np.percentile(moved, [2.5, 97.5])
    fewer = 1 + min(int(np.sum(moved <= 0)), int(np.sum(moved >= 0)))
    return first, second, Paired(second - first, float(low), float(high), min(1.0, 2 * fewer / (len(moved) + 1)))


def _flips(
    way: str,
    first: Judged,
    second: Judged,
    here: NDArray[np.int64],
    there: NDArray[np.int64],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
) -> list[Flip]:
    a, b = first.answers[way], second.answers[way]
    swing = np.nan_to_num(b.margin[there] - a.margin[here], posinf=0.0, neginf=0.0)
    flipped = np.flatnonzero(before != after)
    flipped = flipped[np.argsort(-np.abs(swing[flipped]), kind="stable")][:FLIPS_SHOWN]
    flips = []
    for row in flipped:
        better = bool(after[row] > before[row])
        wrong, place = (a, here[row]) if better else (b, there[row])
        items = first.items if better else second.items
        asked, right, got = (items[column[place]] for column in (wrong.asked, wrong.right, wrong.got))
        flips.append(Flip(way, better, asked, right, got, float(-swing[row])))
    return flips
