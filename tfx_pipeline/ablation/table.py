"""Shows on the terminal what the rows of a sweep measured, beside what the paper says of them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tfx_pipeline.ablation.results import Ablation, Outcome
from tfx_pipeline.wording import NOTHING, percent

COLUMNS = {  # a metric of the Evaluator -> what stands above it
    "i2t_recall_at_1": "I→T R@1",
    "i2t_recall_at_10": "I→T R@10",
    "t2i_recall_at_1": "T→I R@1",
    "t2i_recall_at_10": "T→I R@10",
    "zero_shot_top_1": "zero-shot",
}
ONE_SEED = (
    "Each row is one training: a difference that another training.seed would make as well means nothing. "
    "Run the sweep with other seeds to see how large that is."
)


def show(ablation: Ablation, console: Console) -> None:
    """Print a table for each split, then why rows failed and what the figures do not say."""
    for split in ablation.splits:
        console.print(split_table(ablation, split))
    for note in notes(ablation):
        console.print(note, soft_wrap=True, highlight=False, markup=False)


def split_table(ablation: Ablation, split: str) -> Table:
    """Returns the table of one split: a row for each row of the sweep, the paper's numbers at the right."""
    sweep = ablation.sweep
    metrics = judged_metrics(ablation, split)
    compared = compared_with_paper(ablation)
    table = Table(title=f"{escape(ablation.name)}, split {escape(split)}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column(escape(sweep.name), overflow="fold")  # as all: eight columns are wider than many terminals
    for name in metrics:
        table.add_column(COLUMNS[name], justify="right", overflow="fold")
    for name in sweep.measures if compared else ():
        table.add_column(escape(f"paper: {name}"), justify="right", style="dim", overflow="fold")
    for outcome in ablation.outcomes:
        numbers = [measured(outcome, split, name) for name in metrics]
        cells = [percent(number) for number in numbers] if outcome.finished else ["failed", *[""] * (len(metrics) - 1)]
        table.add_row(escape(outcome.row.name), *cells, *(paper_cells(ablation, outcome) if compared else ()))
    return table


def judged_metrics(ablation: Ablation, split: str) -> list[str]:
    """Returns the metrics of COLUMNS of which a row has a number: images without labels have no zero-shot."""
    found = [
        name for name in COLUMNS if any(math.isfinite(measured(outcome, split, name)) for outcome in ablation.outcomes)
    ]
    return found or list(COLUMNS)[:1]


def measured(outcome: Outcome, split: str, metric: str) -> float:
    """Returns a number of a row, NaN where it has none."""
    return outcome.metrics.get(split, {}).get(metric, math.nan)


def compared_with_paper(ablation: Ablation) -> bool:
    """Returns whether the paper has a number of any row."""
    return any(outcome.row.paper for outcome in ablation.outcomes)


def paper_cells(ablation: Ablation, outcome: Outcome) -> list[str]:
    """Returns the paper's numbers of a row as they are printed there, dashes where it has none."""
    if not outcome.row.paper:
        return [NOTHING] * len(ablation.sweep.measures)
    return [f"{value:.1f} %" for value in outcome.row.paper]


def notes(ablation: Ablation) -> Iterator[str]:
    """Yield why rows failed, and what a reader of the table should know."""
    for outcome in ablation.failed:
        yield f"{ablation.sweep.name}/{outcome.row.name} failed: {outcome.error}"
    if compared_with_paper(ablation):
        yield (
            f"The paper's numbers ({ablation.sweep.paper}) are of its own towers, data and measures: compare how they "
            "go up and down, not how high they are."
        )
    yield ONE_SEED
