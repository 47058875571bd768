"""Shows a run while it runs, by following its events: a live table on terminals, plain lines elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from components.component_ids import TRAINER
from tfx_pipeline.live.training_panel import training_panel, training_phrase
from tfx_pipeline.runs.event_log import EVENTS_FILE, EventKind
from tfx_pipeline.runs.json_lines import read_json_lines
from tfx_pipeline.runs.run_record import DIED, LOG_FILE, REPORT_FILE, ComponentRecord, RunRecord, record_of
from tfx_pipeline.runs.run_summary import outcome, summarize
from tfx_pipeline.runs.training_history import HistoryLine, progress
from tfx_pipeline.wording import duration

POLL_S = 0.25
PLAIN_TRAINING_S = 10.0  # between two lines on training where lines stay
MOST_REFUSALS = 3  # sentences on why a model was not blessed; the report has all
LOG_LINES = 6  # of the log's end, shown where a process died without a word
_SYMBOLS = {"waiting": "·", "complete": "✓", "cached": "✓", "failed": "✗"}
_STYLES = {"waiting": "dim", "complete": "green", "cached": "cyan", "failed": "bold red", "running": "bold"}


class Sight(NamedTuple):
    """What is to be seen of a run at a time: its record, all its events so far, and where its training stands."""

    record: RunRecord
    events: list[dict[str, Any]]
    training: HistoryLine | None = None


def follow(run_dir: Path, poll: Callable[[], int | None], console: Console) -> RunRecord:
    """Show a run until its process has ended, then say how it ended.

    Args:
      run_dir: the run's folder; the process appends to its events.
      poll: returns the process's exit status, None while it runs.
      console: a terminal gets a live table, anything else plain lines.

    Returns:
      The record at the end; a component that was running when the process died has failed.
    """

    def look() -> Sight:
        status = poll()  # asked first: what a process wrote before its end is then read after it
        events = read_json_lines(run_dir / EVENTS_FILE)
        record = record_of(run_dir, events)
        return Sight(record if status is None else record.closed(status), events, _training(record))

    record = watch(look, console, where=f"log in {run_dir / LOG_FILE}", every_s=POLL_S)
    for line in _ending(record):
        console.print(line, soft_wrap=True)
    return record


def watch(look: Callable[[], Sight], console: Console, *, where: str, every_s: float) -> RunRecord:
    """Show a run until its record says that it has ended.

    Args:
      look: returns what is to be seen of it now; events are added at their end alone.
      console: a terminal gets a live table, anything else plain lines.
      where: what the first plain line says of the place where more is to be found.
      every_s: seconds between two looks.

    Returns:
      The record at the end.
    """
    view: LiveView | PlainView = LiveView(console) if console.is_terminal else PlainView(console, where)
    with view:
        while True:
            sight = look()
            view.show(sight.record, sight.events, sight.training)
            if sight.record.ended:
                return sight.record
            time.sleep(every_s)


def _training(record: RunRecord) -> HistoryLine | None:
    trainer = record.component(TRAINER)
    if trainer.state != "running" or trainer.started is None:
        return None
    return progress(record.root, since=trainer.started)


class PlainView(AbstractContextManager):
    """One plain line an event, one on training every ten seconds, and one when a warning begins to hold."""

    def __init__(self, console: Console, where: str) -> None:
        self._console = console
        self._where = where
        self._seen = 0
        self._training_told: tuple[float, int] = (0.0, 0)  # when, at which step
        self._warned: set[str] = set()

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, record: RunRecord, events: list[dict[str, Any]], training: HistoryLine | None) -> None:
        for number in range(self._seen, len(events)):
            line = self._line(record_of(record.run_dir, events[: number + 1]), events[number])
            if line:
                self._print(events[number].get("time"), line)
        self._seen = len(events)
        if training is not None:
            self._tell_training(training)
            self._tell_warnings(training)

    def _tell_training(self, training: HistoryLine) -> None:
        told, step = self._training_told
        now = time.monotonic()
        if training.step == step or (now - told < PLAIN_TRAINING_S and training.step < training.steps):
            return
        self._training_told = now, training.step
        self._print(time.time(), f"{TRAINER} {training_phrase(training)}")

    def _tell_warnings(self, training: HistoryLine) -> None:
        for name, words in training.warnings.items():
            if name not in self._warned:
                self._print(time.time(), f"{TRAINER} warns: {words}")
        self._warned |= training.warnings.keys()

    def _print(self, when: float | None, line: str) -> None:
        stamp = time.strftime("%H:%M:%S", time.localtime(when))
        self._console.print(f"{stamp}  {line}", markup=False, highlight=False, soft_wrap=True)

    def _line(self, record: RunRecord, event: dict[str, Any]) -> str:
        """Returns what to print for an event, given the record just after it."""
        kind = event.get("event")
        if kind == EventKind.PIPELINE_STARTED:
            return f"{record.name} started, {len(record.components)} components, {self._where}"
        if kind == EventKind.PIPELINE_FINISHED:
            return f"{record.name} finished{_in_time(record.seconds)}"
        if kind not in (EventKind.COMPONENT_STARTED, EventKind.COMPONENT_FINISHED) or event.get("component") is None:
            return ""  # a failure is told at the end, in full
        component = record.component(event["component"])
        if kind == EventKind.COMPONENT_STARTED:
            return f"{component.id} started"
        made = summarize(component)
        took = _in_time(component.seconds) if component.since is None else ""
        return f"{component.id} {outcome(component)}{took}{f': {made}' if made else ''}"


class LiveView(AbstractContextManager):
    """A table of the components that is drawn again in place; below it the training, while it goes on."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8, transient=False)
        self._spinner = Spinner("dots", style="bold cyan")
        self._began = time.time()
        self._summaries: dict[str, str] = {}

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, record: RunRecord, events: list[dict[str, Any]], training: HistoryLine | None) -> None:
        self._live.update(self.draw(record, training, now=time.time()), refresh=True)

    def draw(self, record: RunRecord, training: HistoryLine | None, now: float) -> RenderableType:
        """Returns the picture of a run at Unix time `now`."""
        parts: list[RenderableType] = [self._heading(record, now), self._table(record, training, now)]
        if training is not None:
            parts.append(Padding(training_panel(training), (1, 0, 0, 2)))
        return Padding(Group(*parts), (1, 1, 1, 1))

    def _heading(self, record: RunRecord, now: float) -> RenderableType:
        line = Table.grid(padding=(0, 2))
        elapsed = duration(max(now - self._began, 0.0))
        line.add_row(Text(record.name, style="bold"), Text(elapsed, style="dim"), self._phase(record))
        return line

    def _phase(self, record: RunRecord) -> RenderableType:
        """Returns what goes on outside of any component."""
        if record.failed or record.error:
            return Text("failed", style="bold red")
        if record.succeeded and record.ended:
            return Text("finished", style="green")
        if record.succeeded:
            return _spinning(self._spinner, "writing the report")
        if record.started is None:
            return _spinning(self._spinner, "starting TFX, half a minute or so")
        return Text("")

    def _table(self, record: RunRecord, training: HistoryLine | None, now: float) -> RenderableType:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(width=2, justify="right")
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True, style="dim", min_width=10)
        table.add_column(overflow="fold")
        for component in record.components:
            style = _STYLES[component.state]
            running = component.state == "running"
            symbol = self._spinner if running else Text(_SYMBOLS[component.state], style=style)
            name = Text(component.id, style="dim" if component.state == "waiting" else "bold" if running else "")
            table.add_row(symbol, name, _time_of(component, now), self._made(component, training))
        return Padding(table, (1, 0, 0, 0))

    def _made(self, component: ComponentRecord, training: HistoryLine | None) -> Text:
        if component.id == TRAINER and component.state == "running" and training is None:
            return Text("building the graph, then the first step", style="dim")
        if component.state == "failed":
            return Text("failed", style="bold red")
        if component.finished and component.id not in self._summaries:
            self._summaries[component.id] = summarize(component)
        made = Text(self._summaries.get(component.id, ""), style="" if component.state == "complete" else "dim")
        if component.state == "cached":
            return Text.assemble((outcome(component), "cyan"), ("  " if made else ""), made)
        return made


def _in_time(seconds: float | None) -> str:
    return "" if seconds is None else f" in {duration(seconds)}"


def _time_of(component: ComponentRecord, now: float) -> str:
    if component.state == "running" and component.started is not None:
        return duration(max(now - component.started, 0.0))
    return "" if component.seconds is None else duration(component.seconds)


def _spinning(spinner: Spinner, words: str) -> RenderableType:
    line = Table.grid(padding=(0, 1))
    line.add_row(spinner, Text(words, style="dim"))
    return line


def _ending(record: RunRecord) -> list[Text]:
    """Returns how a run ended: where its report is, or what went wrong and where the log is."""
    report, log = record.run_dir / REPORT_FILE, record.run_dir / LOG_FILE
    lines = []
    if record.why_failed is not None:
        who = record.failed.id if record.failed else record.name
        lines.append(Text(f"{who} failed: {record.why_failed}", style="bold red"))
        lines += _last_words(log) if record.why_failed == DIED else []
    lines += [
        Text(f"Not blessed: {sentence}", style="yellow") for sentence in _refusals(record.run_dir)[:MOST_REFUSALS]
    ]
    if record.why_failed is not None or not report.is_file():
        lines.append(Text(f"Log     {log}"))
    if report.is_file():
        lines.append(Text(f"Report  {report}"))
    return lines


def _refusals(run_dir: Path) -> list[str]:
    """Returns why the model was not blessed, [] where it was or where the run did not come so far."""
    try:
        return json.loads((run_dir / "evaluation.json").read_text(encoding="utf-8"))["refusals"]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _last_words(log: Path) -> list[Text]:
    """Returns the end of the log, for a process that died without saying why."""
    try:
        written = log.read_bytes()[-20_000:].decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    return [Text(f"  {line}", style="dim") for line in [line for line in written if line.strip()][-LOG_LINES:]]
