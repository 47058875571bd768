"""What a run did, read from its folder: the state, time and outputs of each component. Imports no framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from components.component_ids import EXPORTER, TRAINER
from tfx_pipeline.runs.event_log import EVENTS_FILE, EventKind
from tfx_pipeline.runs.folders import RUNS
from tfx_pipeline.runs.json_lines import read_json_lines
from tfx_pipeline.settings.config import ConfigError

LOG_FILE = "log.txt"
CONFIG_FILE = "config.yaml"
REPORT_FILE = "report.html"

State = Literal["waiting", "running", "complete", "cached", "failed"]
FINISHED_STATES: tuple[State, ...] = ("complete", "cached")
DIED = "the process ended without a word, as when it is killed or out of memory"
BROKE_OFF = "all components finished, but the process ended with status {status}, as when the report cannot be written"


@dataclass(frozen=True)
class ComponentRecord:
    """What became of one component.

    Attributes:
      id: its name in the pipeline.
      state: "cached" is complete with the outputs of an earlier run.
      started: Unix time, None before.
      seconds: how long it took, None until it has ended.
      outputs: output key -> uri.
      since: of a cached one, Unix time at which they were made; None where the record does not say.
      error: why it failed, one sentence.
    """

    id: str
    state: State = "waiting"
    started: float | None = None
    seconds: float | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    since: float | None = None
    error: str | None = None

    @property
    def finished(self) -> bool:
        """Whether it ended well, here or in an earlier run."""
        return self.state in FINISHED_STATES


@dataclass(frozen=True)
class RunRecord:
    """One run of the pipeline.

    Attributes:
      run_dir: its folder, `<root>/runs/<run id>`.
      name: the pipeline's name.
      components: in the order of the pipeline; empty until it has started.
      started: Unix time, None until then.
      finished: Unix time at which the whole pipeline ended well, None before or otherwise.
      error: why the run failed outside of any component.
      ended: whether its process is known to have ended.
    """

    run_dir: Path
    name: str
    components: tuple[ComponentRecord, ...] = ()
    started: float | None = None
    finished: float | None = None
    error: str | None = None
    ended: bool = False

    @property
    def root(self) -> Path:
        """Folder of everything that local runs of the pipeline write."""
        return self.run_dir.parent.parent

    @property
    def succeeded(self) -> bool:
        """Whether the pipeline ran to its end."""
        return self.finished is not None

    @property
    def failed(self) -> ComponentRecord | None:
        """The component that failed, if one did."""
        return next((found for found in self.components if found.state == "failed"), None)

    @property
    def seconds(self) -> float | None:
        """How long the whole run took, None unless it ended well."""
        return None if self.started is None or self.finished is None else self.finished - self.started

    def component(self, name: str) -> ComponentRecord:
        """Returns a component by its id; one that the run does not know counts as waiting."""
        return next((found for found in self.components if found.id == name), ComponentRecord(name))

    def output(self, component: str, key: str) -> Path | None:
        """Returns the folder of a finished component's output, None where it was not reached."""
        uri = self.component(component).outputs.get(key)
        return Path(uri) if uri else None

    @property
    def model(self) -> Path | None:
        """Folder of the model that is judged and served, None where it was not reached."""
        return self.output(EXPORTER, "model") or self.output(TRAINER, "model")

    @property
    def why_failed(self) -> str | None:
        """Why the run failed, in or outside of a component; None where it did not."""
        return self.failed.error if self.failed else self.error

    def closed(self, status: int = 0) -> RunRecord:
        """Returns the record of a run whose process has ended: what was running then has failed.

        Args:
          status: the process's exit status; one other than 0 after the pipeline's end is an error of its own.
        """
        record = replace(self, ended=True)
        if self.failed or self.error:
            return record
        if self.succeeded:
            return replace(record, error=BROKE_OFF.format(status=status)) if status else record
        running = next((found for found in self.components if found.state == "running"), None)
        if running is None:
            return replace(record, error=DIED)
        return record._with(replace(running, state="failed", error=DIED))

    def _with(self, changed: ComponentRecord) -> RunRecord:
        if all(found.id != changed.id for found in self.components):
            return replace(self, components=(*self.components, changed))
        return replace(
            self, components=tuple(changed if found.id == changed.id else found for found in self.components)
        )


def read_record(run_dir: Path) -> RunRecord:
    """Read the record of a run, whether it has ended or not.

    Raises:
      ConfigError: where its events are damaged.
    """
    return record_of(run_dir, read_json_lines(run_dir / EVENTS_FILE))


def record_of(run_dir: Path, events: Iterable[Mapping[str, Any]]) -> RunRecord:
    """Returns what events, as `EventLog` writes them, say of a run so far."""
    record = RunRecord(run_dir, name=run_dir.parent.parent.name)
    for event in events:
        record = _after(record, event)
    return record


def latest_run_dir(root: Path) -> Path:
    """Returns the folder of the newest run under `<root>/runs`; run ids sort by time.

    Raises:
      ConfigError: where nothing has been run.
    """
    runs = [path.parent for path in (root / RUNS).glob(f"*/{EVENTS_FILE}")]
    if not runs:
        raise ConfigError(f"{root / RUNS} holds no run; start one with `align run`")
    return max(runs, key=lambda run_dir: run_dir.name)


def _after(record: RunRecord, event: Mapping[str, Any]) -> RunRecord:
    """Returns the record as one more event leaves it."""
    kind, time = event.get("event"), event.get("time")
    if kind == EventKind.PIPELINE_STARTED:
        components = tuple(ComponentRecord(name) for name in event["components"])
        return replace(record, name=event["name"], components=components, started=time)
    if kind == EventKind.PIPELINE_FINISHED:
        return replace(record, finished=time)
    if kind == EventKind.COMPONENT_FAILED and event.get("component") is None:
        return replace(record, error=event["error"])
    if kind not in (EventKind.COMPONENT_STARTED, EventKind.COMPONENT_FINISHED, EventKind.COMPONENT_FAILED):
        return record
    before = record.component(event["component"])
    if kind == EventKind.COMPONENT_STARTED:
        return record._with(replace(before, state="running", started=time))
    seconds = None if time is None or before.started is None else time - before.started
    if kind == EventKind.COMPONENT_FAILED:
        return record._with(replace(before, state="failed", seconds=seconds, error=event["error"]))
    outputs, since = event.get("outputs", {}), event.get("since")
    return record._with(replace(before, state=event["state"], seconds=seconds, outputs=outputs, since=since))
