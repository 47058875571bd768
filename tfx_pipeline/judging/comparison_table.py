"""A comparison as a table on the terminal: each number of both models, the difference, and whether it may be chance."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from components.evaluator.tasks.measures import MEASURES
from tfx_pipeline.judging.compare import Change, Compared, Comparison
from tfx_pipeline.judging.told import amount, bare, title
from tfx_pipeline.wording import NOTHING

SURE = 0.05  # p-values below it are told in colour


def comparison_table(found: Comparison) -> Table:
    """Returns the table, a row for each number of each thing that both models were judged by."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("data set", no_wrap=True)
    table.add_column("number")
    for name in ("A", "B", "B - A", "95 %", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for compared in found.rows:
        what = what_was_judged(compared).split(", ", 1)  # the set, and below it the task and the language
        for index, change in enumerate(compared.changes):
            table.add_row(
                Text(what[index] if index < len(what) else ""),
                title(change.name),
                amount(change.name, change.first),
                amount(change.name, change.second),
                *(Text(cell, style=style_of(change)) for cell in difference(change)),
            )
        if compared.won or compared.lost:
            flips = f"{compared.won} answers right in B alone, {compared.lost} in A alone"
            table.add_row("", Text(flips, style="dim"))
        if compared.remark:
            table.add_row("", Text(compared.remark, style="yellow"))
        table.add_section()
    return table


def what_was_judged(compared: Compared) -> str:
    """Returns data set, task and language in words."""
    judged = compared.row.judged
    return f"{judged.dataset}, {judged.task.replace('_', ' ')}{f', {judged.language}' if judged.language else ''}"


def difference(change: Change) -> tuple[str, str, str]:
    """Returns the difference, its interval and its p-value as text."""
    if change.test is None:
        moved = change.second - change.first
        return _signed(change.name, moved), NOTHING, NOTHING
    test = change.test
    if test.p_value != test.p_value:  # one query, or one cluster of them
        return _signed(change.name, test.difference), NOTHING, NOTHING
    low, high = _signed(change.name, test.low), _signed(change.name, test.high)
    return _signed(change.name, test.difference), f"{low} to {high}", f"{test.p_value:.3f}"


def style_of(change: Change) -> str:
    """Returns "green" where B is better beyond chance, "red" where it is worse, else nothing."""
    if change.test is None or not change.test.p_value < SURE:
        return ""
    is_lower_better = change.name in MEASURES and MEASURES[change.name].better == "lower"
    return "green" if (change.test.difference > 0) != is_lower_better else "red"


def _signed(name: str, value: float) -> str:
    words = bare(name, value)
    return words if value != value or words.startswith("-") else f"+{words}"
