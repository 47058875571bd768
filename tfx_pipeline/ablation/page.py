"""The page of an ablation: for each split a table and a chart a metric, then the paper's own numbers, then the runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from tfx_pipeline.ablation.results import Ablation, Outcome
from tfx_pipeline.ablation.table import (
    COLUMNS,
    ONE_SEED,
    compared_with_paper,
    judged_metrics,
    measured,
    paper_cells,
)
from tfx_pipeline.files import write_file
from tfx_pipeline.report.bar_chart import bar_chart
from tfx_pipeline.report.blocks import folder_link, section, table
from tfx_pipeline.report.charts import Reference
from tfx_pipeline.report.document import document
from tfx_pipeline.report.markup import Child, Markup, join, tag
from tfx_pipeline.wording import NOTHING, count, counted, duration, measure, percent

PAGE_FILE = "ablation.html"
CHANCE = {"zero_shot_top_1": "chance_zero_shot"}  # metric -> the Evaluator's fact on guessing; others: chance_<metric>


def write_page(ablation: Ablation, folder: Path) -> None:
    """Write the page into the pipeline's folder.

    Raises:
      ConfigError: where it cannot be written.
    """
    page = folder / PAGE_FILE
    write_file(page, render(ablation, folder).encode(), str(page))


def render(ablation: Ablation, page_folder: Path) -> str:
    """Returns the page as HTML; links start from `page_folder`."""
    return document(
        f"{ablation.name}: {ablation.sweep.about}",
        _headline(ablation),
        [_split_section(ablation, split) for split in ablation.splits],
        _paper_section(ablation) if compared_with_paper(ablation) else None,
        _rows_section(ablation, page_folder),
    )


def _headline(ablation: Ablation) -> Markup:
    sweep, failed = ablation.sweep, ablation.failed
    done = sum(outcome.finished for outcome in ablation.outcomes)
    words, kind = f"{done} of {counted(len(sweep.rows), 'row')}", "good" if done == len(sweep.rows) else "open"
    return tag(
        "header",
        tag("p", "Ablation", class_="kicker"),
        tag("h1", ablation.name, tag("span", words, class_=f"pill {'bad' if failed else kind}")),
        tag("p", f"{sweep.about}.", class_="lead"),
        tag("ul", [tag("li", f"{each.row.name}: {each.error}") for each in failed], class_="reasons")
        if failed
        else None,
    )


def _split_section(ablation: Ablation, split: str) -> Markup:
    metrics = judged_metrics(ablation, split)
    rows = [
        [outcome.row.name, *(percent(measured(outcome, split, name)) for name in metrics)]
        for outcome in ablation.outcomes
    ]
    charts = [
        _figure(
            COLUMNS[name],
            ablation.outcomes,
            [measured(outcome, split, name) for outcome in ablation.outcomes],
            percent,
            _chance(ablation, split, name),
        )
        for name in metrics
    ]
    return section(
        f"Split {split}",
        tag("div", charts, class_="charts"),
        table((ablation.sweep.name, *(COLUMNS[name] for name in metrics)), rows),
        lead=ONE_SEED,
    )


def _paper_section(ablation: Ablation) -> Markup:
    sweep = ablation.sweep
    printed = [outcome for outcome in ablation.outcomes if outcome.row.paper]
    charts = [
        _figure(name, printed, [outcome.row.paper[place] for outcome in printed], lambda value: f"{value:.1f} %", None)
        for place, name in enumerate(sweep.measures)
    ]
    rows = [[outcome.row.name, *paper_cells(ablation, outcome)] for outcome in printed]
    return section(
        "In the paper",
        tag("div", charts, class_="charts"),
        table((sweep.name, *sweep.measures), rows),
        lead=f"{sweep.paper}, with its own data and measures: compare how they go up and down, not how high they are.",
    )


def _rows_section(ablation: Ablation, page_folder: Path) -> Markup:
    header = (ablation.sweep.name, "changes", "run", "model", "steps", "time", "loss", "temperature")
    rows = [_row(outcome, page_folder) for outcome in ablation.outcomes]
    return section("Runs", table(header, rows, words=4), lead="Time, loss and temperature are those of training's end.")


def _row(outcome: Outcome, page_folder: Path) -> list[Child]:
    training = outcome.training
    return [
        outcome.row.name,
        tag("code", outcome.row.changes),
        folder_link("run", str(page_folder / outcome.run), page_folder) if outcome.run else NOTHING,
        folder_link("model", outcome.model, page_folder) if outcome.model else NOTHING,
        count(training["steps"]) if training else NOTHING,
        duration(training["seconds"]) if training else NOTHING,
        measure(training["loss"]) if training else NOTHING,
        measure(training["temperature"]) if training else NOTHING,
    ]


def _figure(
    title: str,
    outcomes: tuple[Outcome, ...] | list[Outcome],
    values: list[float],
    write: Callable[[float], str],
    chance: Reference | None,
) -> Markup:
    best = max((value for value in values if math.isfinite(value)), default=math.nan)
    chart = bar_chart(
        [outcome.row.name for outcome in outcomes],
        values,
        label=f"{title} of {counted(len(values), 'row')}, {write(best) if math.isfinite(best) else NOTHING} at best",
        write=write,
        reference=chance,
    )
    return tag("figure", join([tag("figcaption", title), chart]))


def _chance(ablation: Ablation, split: str, metric: str) -> Reference | None:
    """Returns what guessing gets, which is the same for each row of a split."""
    name = CHANCE.get(metric, f"chance_{metric}")
    found = [value for outcome in ablation.outcomes if math.isfinite(value := measured(outcome, split, name))]
    return Reference(found[0], "guessing") if found else None
