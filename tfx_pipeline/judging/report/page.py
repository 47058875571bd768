"""The page of a results folder: what was judged beside the paper, by task, the weakest parts, the hardest failures."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.evaluator.tasks.judged import Failure, Item, Judged, Number
from tfx_pipeline.files import write_file
from tfx_pipeline.judging.report.paper import ALIGN, CAVEAT, CLIP, PRINTED
from tfx_pipeline.judging.results import Results, Row, read_results
from tfx_pipeline.judging.told import amount, bare, title
from tfx_pipeline.report.axes import from_zero
from tfx_pipeline.report.bar_chart import bar_chart
from tfx_pipeline.report.charts import Reference, line_chart
from tfx_pipeline.report.templating import fill
from tfx_pipeline.wording import NOTHING, counted, duration, moment, percent

REPORT_FILE = "report.html"
FIGURES, CHARTS, WEAKEST, CONFUSED = 6, 4, 8, 10  # shown of each
TASKS = {
    "retrieval": ("Retrieval", "A query's answer is among the first k. Small figures say what guessing gets."),
    "zero_shot": ("Zero-shot classification", "An image's class is the one whose texts are most similar."),
    "knn": ("Nearest neighbours", "An image's class is among those of the k training images most similar."),
    "probe": ("Linear probe", "A logistic regression on the training images' embeddings."),
    "transfer": ("Transfer", "The image tower with a head of its own, trained by the paper's recipes."),
    "similarity": ("Semantic similarity", "Spearman's correlation of cosines with people's ratings, times 100."),
    "choice": ("Choice", "Which caption fits which image; guessing gets what the small figures say."),
}
ARROWS = {"i2t": "image → text", "t2i": "text → image", "t2t": "text → text", "i2i": "image → image"}
WAYS = {
    "i2t": "an image asks for its text",
    "t2i": "a text asks for its image",
    "t2t": "a text asks for its like",
    "i2i": "an image asks for its like",
    "class": "an image asks for its class",
}


def write_report(out: Path) -> Path:
    """Write report.html into a results folder from what the folder holds, and return its path.

    Args:
      out: a folder that `align eval --out` wrote, finished or broken off.

    Raises:
      ConfigError: where it is none, or cannot be written.
    """
    page = out / REPORT_FILE
    write_file(page, render(read_results(out), out).encode("utf-8", "replace"), str(page))
    return page


def render(results: Results, folder: Path) -> str:
    """Returns the page as HTML, with the pictures of `folder` inside."""
    tasks = dict.fromkeys(row.judged.task for row in results.rows)
    ordered = [task for task in TASKS if task in tasks] + [task for task in tasks if task not in TASKS]
    return fill(
        "judging.html.j2",
        title=f"{results.model['name']}, suite {results.suite['name']}",
        headline=_headline(results),
        sections=[_section(task, [row.judged for row in results.rows if row.judged.task == task]) for task in ordered],
        beside_paper=_beside_paper(results.rows),
        caveat=CAVEAT,
        slices=[part for row in results.rows for part in _slices(row.judged)],
        failures=[found for row in results.rows if (found := _failures(row, folder))["groups"]],
        unjudged=_unjudged(results),
    )


def _headline(results: Results) -> dict[str, Any]:
    rows = [row.judged for row in results.rows]
    figures = []
    for judged in rows[:FIGURES]:
        name, number = next(iter(judged.numbers.items()))
        beside = ", ".join(filter(None, (title(name), _between(name, number))))
        figures.append((what(judged), amount(name, number.value), beside))
    return {
        "name": results.model["name"],
        "word": "judged" if results.finished else "broken off",
        "kind": "good" if results.finished else "open",
        "lead": f"Suite {results.suite['name']}: {counted(len(rows), 'row')} in {duration(results.seconds)}, "
        f"begun {moment(results.began)}. Fingerprint of the model: {results.model['fingerprint'][:12]}."
        + ("" if results.ties == "expected" else " Of equals the first of the gallery is ranked first (--ties index)."),
        "reasons": list(results.refused.values()),
        "figures": figures,
    }


def what(judged: Judged) -> str:
    """Returns what a row was judged on: data set, and language where the name does not end on it."""
    told = judged.language is None or judged.dataset.endswith(f"-{judged.language}")
    return judged.dataset if told else f"{judged.dataset} ({judged.language})"


def _section(task: str, rows: Sequence[Judged]) -> dict[str, Any]:
    heading, lead = TASKS.get(task, (task.replace("_", " "), ""))
    names = list(dict.fromkeys(name for judged in rows for name in judged.numbers))
    header, lines = _by_way(rows) if task == "retrieval" else _by_number(rows, names)
    charts = [_bars(name, rows) for name in _drawn(names)] if len(rows) > 1 else []
    charts += [_calibration(judged) for judged in rows if len(judged.curves.get("calibration", ())) > 1]
    return {
        "title": heading,
        "lead": lead,
        "header": header,
        "rows": lines,
        "charts": charts,
        "confusions": [(what(judged), *confusion) for judged in rows for confusion in judged.confusions[:CONFUSED]],
        "notes": [f"{what(judged)}: {note}" for judged in rows for note in judged.notes],
    }


def _by_number(rows: Sequence[Judged], names: Sequence[str]) -> tuple[list[str], list[Any]]:
    """Returns the head and the lines of a table with a column a number."""
    lines = [
        ((what(judged),), _queries(judged.numbers), [_cell(name, judged.numbers) for name in names]) for judged in rows
    ]
    return ["Set", "queries", *(title(name) for name in names)], lines


def _by_way(rows: Sequence[Judged]) -> tuple[list[str], list[Any]]:
    """Returns the same with a line a way to ask; what is of no way stands in the first line of its set."""
    all_names = sorted((name for judged in rows for name in judged.numbers), key=lambda name: name[:3] not in ARROWS)
    names = list(dict.fromkeys(map(_without_way, all_names)))
    heads = {_without_way(name): _title_without_way(name) for judged in rows for name in judged.numbers}
    lines = []
    for judged in rows:
        ways = dict.fromkeys(name[:3] for name in judged.numbers if name[:3] in ARROWS)
        for place, way in enumerate(ways):
            own = {name: number for name, number in judged.numbers.items() if name.startswith(way)}
            if not place:
                own |= {name: number for name, number in judged.numbers.items() if name[:3] not in ARROWS}
            cells = [_cell(f"{way}_{name}" if f"{way}_{name}" in own else name, own) for name in names]
            queries = {name: number for name, number in own.items() if name.startswith(way)}
            lines.append(((what(judged), ARROWS[way]), _queries(queries), cells))
    return ["Set", "Query → answer", "queries", *(heads[name] for name in names)], lines


def _without_way(name: str) -> str:
    return name[4:] if name[:3] in ARROWS else name


def _title_without_way(name: str) -> str:
    return title(name).removesuffix(ARROWS.get(name[:3], "")).strip()


def _drawn(names: Sequence[str]) -> list[str]:
    """Returns the numbers that a chart shows: of retrieval R@10 both ways, of all else the first ones."""
    recalls = [name for name in names if name.endswith("recall_at_10")]
    return (recalls or list(names))[:CHARTS]


def _queries(numbers: Mapping[str, Number]) -> str:
    counts = [number.queries for number in numbers.values()]
    least, most = min(counts, default=0), max(counts, default=0)
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def _cell(name: str, numbers: Mapping[str, Number]) -> dict[str, str]:
    number = numbers.get(name)
    if number is None:
        return {"value": "", "between": "", "chance": ""}
    chance = "" if math.isnan(number.chance) else f"guessing {amount(name, number.chance)}"
    return {"value": amount(name, number.value), "between": _between(name, number), "chance": chance}


def _between(name: str, number: Number) -> str:
    return "" if math.isnan(number.low) else f"{bare(name, number.low)} to {bare(name, number.high)}"


def _bars(name: str, rows: Sequence[Judged]) -> tuple[str, dict[str, Any]]:
    found = [(what(judged), judged.numbers[name].value) for judged in rows if name in judged.numbers]
    chances = {judged.numbers[name].chance for judged in rows if name in judged.numbers}
    alike = chances.pop() if len(chances) == 1 else math.nan
    chart = bar_chart(
        [label for label, _ in found],
        [max(value, 0.0) for _, value in found],  # a bar starts at 0: a correlation below it has none
        label=f"{title(name)} of {counted(len(found), 'set')}",
        write=lambda value: amount(name, value),
        reference=None if math.isnan(alike) else Reference(alike, "guessing"),
    )
    return title(name), chart


def _calibration(judged: Judged) -> tuple[str, dict[str, Any]]:
    confidences, accuracies = zip(*judged.curves["calibration"], strict=True)
    words = f"{what(judged)}: accuracy by confidence"
    return words, line_chart(confidences, accuracies, label=words, write=percent, axis=from_zero)


def _beside_paper(rows: Iterable[Row]) -> list[tuple[str, str, list[str]]]:
    """Returns a line for each number that the paper prints too: set, number, (ours, its interval, ALIGN, CLIP)."""
    return [
        (
            row.judged.dataset,
            title(name),
            [
                bare(name, number.value),
                _between(name, number),
                *(_printed(of, row.judged.dataset, name) for of in (ALIGN, CLIP)),
            ],
        )
        for row in rows
        for name, number in row.judged.numbers.items()
        if name in PRINTED[ALIGN].get(row.judged.dataset, {})
    ]


def _printed(of: str, dataset: str, name: str) -> str:
    value = PRINTED[of].get(dataset, {}).get(name)
    return NOTHING if value is None else f"{value:.1f}"


def _slices(judged: Judged) -> list[dict[str, Any]]:
    kinds = dict.fromkeys(part.by for part in judged.slices)
    made = []
    for by in kinds:
        parts = [part for part in judged.slices if part.by == by]
        names = list(dict.fromkeys(name for part in parts for name in part.numbers))[:3]
        made.append(
            {
                "what": f"{what(judged)}, {judged.task.replace('_', ' ')} by {by}",
                "header": [by, "queries", *(title(name) for name in names)],
                "rows": [
                    (part.name, _queries(part.numbers), [_cell(name, part.numbers) for name in names])
                    for part in parts[:WEAKEST]
                ],
                "more": max(len(parts) - WEAKEST, 0),
            }
        )
    return made


def _failures(row: Row, folder: Path) -> dict[str, Any]:
    ways = dict.fromkeys(failure.way for failure in row.judged.failures)
    return {
        "what": f"{what(row.judged)}, {row.judged.task.replace('_', ' ')}",
        "groups": [
            (
                WAYS.get(way, f"the {way}"),
                [_failure(failure, row, folder) for failure in row.judged.failures if failure.way == way],
            )
            for way in ways
        ],
    }


def _failure(failure: Failure, row: Row, folder: Path) -> dict[str, Any]:
    shown = {name: _item(getattr(failure, name), row, folder) for name in ("asked", "got", "right")}
    return {**shown, "margin": f"{failure.margin:.2f}"}


def _item(item: Item, row: Row, folder: Path) -> dict[str, Any]:
    jpeg = None
    if item.image in row.pictures:
        with contextlib.suppress(OSError):
            jpeg = (folder / row.pictures[item.image]).read_bytes()
    return {"text": item.text, "image": item.image, "jpeg": jpeg}


def _unjudged(results: Results) -> list[tuple[str, str]]:
    """Returns what was not judged, and why."""
    told = [(dataset, why) for dataset, why in results.absent.items()]
    for row in results.rows:
        told += [(what(row.judged), f"{count:,} times: {reason}") for reason, count in row.judged.skipped.items()]
        told += [(f"{what(row.judged)}, {image}", why) for image, why in row.broken.items()]
    return list(dict.fromkeys(told))
