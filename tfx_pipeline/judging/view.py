"""Shows how judging goes on: a bar with the time left, or a line now and then; rows as they come."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from components.evaluator.tasks.judged import Judged
from tfx_pipeline.judging.told import line
from tfx_pipeline.wording import count, duration

PLAIN_S = 10.0  # between two lines on embedding


class TerminalView(AbstractContextManager):
    """A bar over all inputs, with the time left, below the rows."""

    def __init__(self, console: Console, inputs: int) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("left", style="dim"),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=inputs)

    def __enter__(self) -> TerminalView:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def now(self, words: str) -> None:
        """Say what is being done."""
        self._progress.update(self._task, description=words)

    def done(self, inputs: int) -> None:
        """Count inputs that have been embedded."""
        self._progress.advance(self._task, inputs)

    def row(self, judged: Judged) -> None:
        """Show a row."""
        self._progress.console.print(line(judged), markup=False, highlight=False, soft_wrap=True)


class PlainView(AbstractContextManager):
    """A line for each row, and one every ten seconds while inputs are embedded."""

    def __init__(self, console: Console, inputs: int) -> None:
        self._console = console
        self._inputs = inputs
        self._done = 0
        self._began = self._told = time.monotonic()
        self._words = ""

    def __exit__(self, *_: object) -> None:
        return None

    def now(self, words: str) -> None:
        """Remember what is being done."""
        self._words = words

    def done(self, inputs: int) -> None:
        """Count inputs that have been embedded."""
        self._done += inputs
        moment = time.monotonic()
        if moment - self._told < PLAIN_S:
            return
        self._told = moment
        left = (moment - self._began) / self._done * (self._inputs - self._done)
        self._print(f"{self._words}: {count(self._done)} of {count(self._inputs)} inputs, {duration(left)} left")

    def row(self, judged: Judged) -> None:
        """Show a row."""
        self._print(line(judged))

    def _print(self, words: str) -> None:
        stamp = time.strftime("%H:%M:%S")
        self._console.print(f"{stamp}  {words}", markup=False, highlight=False, soft_wrap=True)


def view(console: Console, inputs: int) -> TerminalView | PlainView:
    """Returns what fits the console.

    Args:
      console: a terminal, or anything that lines are written to.
      inputs: images and texts to embed in all.
    """
    return TerminalView(console, inputs) if console.is_terminal else PlainView(console, inputs)
