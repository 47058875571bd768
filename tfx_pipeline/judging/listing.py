"""Names every data set: what it asks, by which numbers, and whether it is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from components.evaluator.datasets.entry import Entry

_STYLES = {"there": "green", "absent": "dim"}


def listing_table(entries: Sequence[Entry], data: Path) -> Table:
    """Returns a table with a row for each set; one that is not there whole says where to get it and put it."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("data set", no_wrap=True)
    table.add_column("what it is")
    table.add_column("numbers")
    table.add_column("is it there?")
    for entry in entries:
        state = entry.state(data)
        what = Text.assemble(entry.about, *([] if state == "there" else [(f"\n{entry.where}", "dim")]))
        is_there = Text(state, style=_STYLES.get(state, "red"))
        table.add_row(Text(entry.name), what, Text(", ".join(entry.metrics), style="dim"), is_there)
    return table
