"""The page of an ablation: for each split a table and a chart a metric, then the paper's own numbers, then the runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tfx_pipeline.ablation.results import Ablation, Outcome
from tfx_pipeline.ablation.table import COLUMNS, ONE_SEED, compared_with_paper, judged_metrics, measured, paper_cells
from tfx_pipeline.files import write_file
from tfx_pipeline.report.bar_chart import bar_chart
from tfx_pipeline.report.charts import Reference
from tfx_pipeline.report.templating import fill
from tfx_pipeline.wording import NOTHING, counted, percent

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
    compared = [_split(ablation, split) for split in ablation.splits]
    return fill(
        "ablation.html.j2",
        title=f"{ablation.name}: {ablation.sweep.about}",
        page_folder=page_folder,
        headline=_headline(ablation),
        comparisons=[*compared, _paper(ablation)] if compared_with_paper(ablation) else compared,
        sweep=ablation.sweep.name,
        runs=[_run(outcome, page_folder) for outcome in ablation.outcomes],
    )


def _headline(ablation: Ablation) -> dict[str, Any]:
    rows, failed = ablation.sweep.rows, ablation.failed
    done = sum(outcome.finished for outcome in ablation.outcomes)
    return {
        "name": ablation.name,
        "word": f"{done} of {counted(len(rows), 'row')}",
        "kind": "bad" if failed else "good" if done == len(rows) else "open",
        "lead": f"{ablation.sweep.about}.",
        "reasons": [f"{each.row.name}: {each.error}" for each in failed],
    }


def _split(ablation: Ablation, split: str) -> dict[str, Any]:
    metrics = judged_metrics(ablation, split)
    values = {name: [measured(outcome, split, name) for outcome in ablation.outcomes] for name in metrics}
    names = [outcome.row.name for outcome in ablation.outcomes]
    cells = [[percent(values[name][place]) for name in metrics] for place in range(len(names))]
    return {
        "title": f"Split {split}",
        "lead": ONE_SEED,
        "charts": [
            _chart(COLUMNS[name], names, values[name], percent, _chance(ablation, split, name)) for name in metrics
        ],
        "header": [ablation.sweep.name, *(COLUMNS[name] for name in metrics)],
        "rows": list(zip(names, cells, strict=True)),
    }


def _paper(ablation: Ablation) -> dict[str, Any]:
    sweep = ablation.sweep
    printed = [outcome for outcome in ablation.outcomes if outcome.row.paper]
    names = [outcome.row.name for outcome in printed]
    return {
        "title": "In the paper",
        "lead": f"{sweep.paper}, with its own data and measures: "
        "compare how they go up and down, not how high they are.",
        "charts": [
            _chart(name, names, [outcome.row.paper[place] for outcome in printed], lambda value: f"{value:.1f} %")
            for place, name in enumerate(sweep.measures)
        ],
        "header": [sweep.name, *sweep.measures],
        "rows": [(outcome.row.name, paper_cells(ablation, outcome)) for outcome in printed],
    }


def _run(outcome: Outcome, page_folder: Path) -> dict[str, Any]:
    run = str(page_folder / outcome.run) if outcome.run else ""
    figures = {name: outcome.training.get(name, math.nan) for name in ("steps", "seconds", "loss", "temperature")}
    folders = [("run", run), ("model", outcome.model)]
    return {"name": outcome.row.name, "changes": outcome.row.changes, "folders": folders, **figures}


def _chart(
    title: str,
    names: Sequence[str],
    values: Sequence[float],
    write: Callable[[float], str],
    chance: Reference | None = None,
) -> tuple[str, dict[str, Any]]:
    best = max((value for value in values if math.isfinite(value)), default=math.nan)
    at_best = f"{write(best) if math.isfinite(best) else NOTHING} at best"
    label = f"{title} of {counted(len(values), 'row')}, {at_best}"
    return title, bar_chart(names, values, label=label, write=write, reference=chance)


def _chance(ablation: Ablation, split: str, metric: str) -> Reference | None:
    """Returns what guessing gets, which is the same for each row of a split."""
    name = CHANCE.get(metric, f"chance_{metric}")
    found = [value for outcome in ablation.outcomes if math.isfinite(value := measured(outcome, split, name))]
    return Reference(found[0], "guessing") if found else None
