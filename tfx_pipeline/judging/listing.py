"""Names every data set: what it asks, by which numbers, and whether it is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from components.evaluator.datasets.entry import Entry

_STYLES = {"there": "green", "absent": "dim"}


def listing_table(entries: Sequence[Entry], data: Path) -> Table:
    """Returns a table with a row for each set; one that is not there whole says where to get it and put it."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for entry in entries:
        state = entry.state(data)
        word, _, missing = state.partition(": ")
        told = Text.assemble(entry.about, ("\n" + numbers(entry.metrics), "cyan"))
        if missing:
            told.append(f"\n{missing}", style="red")
        if state != "there":
            told.append(f"\n{entry.where}", style="dim")
        table.add_row(Text(entry.name, style="bold"), Text(word, style=_STYLES.get(word, "red")), told)
    return table


def numbers(names: Sequence[str]) -> str:
    """Returns metrics, those that differ in their last part together: i2t_recall_at_1, _5, _10, mean_recall."""
    told: list[str] = []
    before = ""
    for name in names:
        head, _, tail = name.rpartition("_")
        told.append(f"_{tail}" if tail.isdigit() and head == before else name)
        before = head
    return ", ".join(told)
