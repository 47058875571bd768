"""How far a training is, for people: a panel below the live table, and a phrase where lines stay."""

from __future__ import annotations

import math

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tfx_pipeline.runs.training_history import HistoryLine
from tfx_pipeline.wording import NOTHING, count, duration, measure, percent

BAR_WIDTH = 40
NAME_WIDTH, MEASURE_WIDTH = 13, 24  # of a measure's name and of all of it: three stand side by side on 80 columns


def training_panel(training: HistoryLine) -> RenderableType:
    """Returns a bar of the steps, the measures in columns, and the warnings that hold, as wide as the terminal is."""
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(total=training.steps, completed=training.step, width=BAR_WIDTH, complete_style="cyan"),
        Text(_steps(training)),
        Text(_time_left(training)),
    )
    measures = [Text.assemble((f"{name:<{NAME_WIDTH}} ", "dim"), value) for name, value in _measures(training)]
    warnings = [_warning(words) for words in training.warnings.values()]
    return Group(bar, Columns(measures, width=MEASURE_WIDTH, padding=0), *warnings)


def training_phrase(training: HistoryLine) -> str:
    """Returns the same but for the warnings, on one line."""
    measures = [f"{name} {value}" for name, value in _measures(training)]
    return f"{_steps(training)}: {', '.join([*measures, _time_left(training)])}"


def _warning(words: str) -> RenderableType:
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_row(Text("!", style="bold yellow"), Text(words, style="yellow"))
    return Padding(line, (1, 0, 0, 0))


def _measures(training: HistoryLine) -> list[tuple[str, str]]:
    measures = [
        ("loss", f"{training.loss:.3f}" if math.isfinite(training.loss) else NOTHING),
        ("in-batch R@1", percent(training.in_batch_recall_at_1)),
        ("temperature", measure(training.temperature)),
        ("gradient norm", measure(training.gradient_norm)),
        ("learning rate", measure(training.learning_rate)),
        ("pairs/s", count(training.pairs_per_s)),
        ("input wait", percent(training.input_wait)),
    ]
    return [*measures, ("skipped steps", count(training.skipped_steps))] if training.skipped_steps else measures


def _time_left(training: HistoryLine) -> str:
    if training.step == training.steps:
        return "exporting the model"
    if not math.isfinite(training.seconds_left):
        return "time left not known yet"  # a process's first line has the time of building the graph alone
    return f"{duration(training.seconds_left)} left"


def _steps(training: HistoryLine) -> str:
    return f"step {count(training.step)} of {count(training.steps)}"
