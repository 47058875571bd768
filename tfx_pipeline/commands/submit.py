"""The body of `align submit`: compiles, sends, follows in the live view, and says how the run ended."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml
from rich.console import Console

from tfx_pipeline.cluster.submitting.observation import Observed, new_events
from tfx_pipeline.cluster.submitting.unreachable import Unreachable
from tfx_pipeline.commands.compile import compile_for_cluster
from tfx_pipeline.live.live_view import Sight, watch
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.run_record import RunRecord, record_of
from tfx_pipeline.settings.config import Config, ConfigError

LOOK_EVERY_S = 5.0
PATIENCE = 60  # looks that may fail one after another before following is given up


class Runs(Protocol):
    """A cluster's runs, as kubeflow_client and vertex_client have them."""

    def look(self, run_id: str) -> Observed:
        """Return what became of a run so far."""

    def link(self, run_id: str) -> str:
        """Return the address of a run's page."""


@dataclass(frozen=True)
class Place:
    """Which cluster is meant; what its platform does not know is None.

    Attributes:
      platform: "kubeflow" or "vertex".
      host, namespace, token: of Kubeflow Pipelines' API.
      project, region: of Vertex AI.
    """

    platform: str
    host: str | None = None
    namespace: str | None = None
    token: str | None = None
    project: str | None = None
    region: str | None = None

    def __post_init__(self) -> None:
        wanted = {"kubeflow": ("host",), "vertex": ("project", "region")}
        known = {"kubeflow": ("host", "namespace", "token"), "vertex": ("project", "region")}
        if self.platform not in wanted:
            raise ConfigError(f"--platform is {self.platform!r}; it must be one of {', '.join(wanted)}")
        missing = [f"--{name}" for name in wanted[self.platform] if not getattr(self, name)]
        if missing:
            raise ConfigError(f"--platform {self.platform} needs {' and '.join(missing)}; say where to send the run")
        others = {"host", "namespace", "token", "project", "region"} - {*known[self.platform]}
        for name in sorted(others):
            if getattr(self, name) is not None:
                raise ConfigError(f"--{name} is nothing that --platform {self.platform} knows; leave it out")

    def as_options(self) -> str:
        """Returns the options by which the same place is named again, without the token."""
        names = ("platform", "host", "namespace", "project", "region")
        return " ".join(f"--{name} {getattr(self, name)}" for name in names if getattr(self, name) is not None)


@dataclass(frozen=True)
class Sending:
    """How a run is started.

    Attributes:
      image, root: as for `align compile`.
      experiment: what groups runs; None takes the pipeline's name on Kubeflow, and none on Vertex AI.
      run_name: None takes the pipeline's name and the time.
      cached: whether a task may be taken from the cluster's cache.
    """

    image: str
    root: str | None
    experiment: str | None = None
    run_name: str | None = None
    cached: bool = True


def submit(config: Config, place: Place, sending: Sending, console: Console) -> RunRecord:
    """Start a run and follow it to its end.

    Returns:
      The record at the end.

    Raises:
      ConfigError: for what can be refused before anything is sent, and for what the cluster refuses.
    """
    runs, start = _starter(config, place)
    with tempfile.TemporaryDirectory() as folder:
        path = compile_for_cluster(
            config,
            platform=place.platform,
            image=sending.image,
            root=sending.root,
            folder=Path(folder),
            console=Console(stderr=True, highlight=False),
        )
        if not sending.cached:
            write_uncached(path)
        run_id = start(path, sending)
    return follow(runs, run_id, place, console)


def follow_again(run_id: str, place: Place, console: Console) -> RunRecord:
    """Follow a run that was started before."""
    runs, _ = _starter(None, place)
    return follow(runs, run_id, place, console)


def follow(runs: Runs, run_id: str, place: Place, console: Console) -> RunRecord:
    """Show a run to its end; Ctrl-C leaves it going and says how to follow it again."""
    again = f"align submit {place.as_options()} --follow {run_id}"
    console.print(f"Run     {run_id}\nPage    {runs.link(run_id)}", soft_wrap=True, highlight=False, markup=False)
    try:
        record = watch(_looker(runs, run_id, again), console, where=f"page {runs.link(run_id)}", every_s=LOOK_EVERY_S)
    except KeyboardInterrupt:
        console.print(f"The run goes on. Follow it again: {again}", soft_wrap=True, highlight=False, markup=False)
        raise SystemExit(130) from None
    if record.why_failed is not None:
        who = record.failed.id if record.failed else record.name
        console.print(f"{who} failed: {record.why_failed}", style="bold red", soft_wrap=True, markup=False)
    console.print(f"Page    {runs.link(run_id)}", soft_wrap=True, highlight=False, markup=False)
    return record


def _looker(runs: Runs, run_id: str, again: str) -> Callable[[], Sight]:
    events: list[dict[str, Any]] = []
    silent = 0

    def look() -> Sight:
        nonlocal silent
        ended = False
        try:
            seen = runs.look(run_id)
        except Unreachable as error:
            silent += 1
            if silent == PATIENCE or not events:
                raise ConfigError(f"{error}; the run goes on, follow it again by {again}") from error
        else:
            silent = 0
            ended = seen.ended
            events.extend(new_events(events, seen))
        record = record_of(Path(), events)
        return Sight(record.closed() if ended else record, events)

    return look


def _starter(config: Config | None, place: Place) -> tuple[Runs, Callable[[Path, Sending], str]]:
    """Return the platform's runs, and what starts one of a compiled file."""
    name = config.name if config else ""
    account = config.cluster.service_account if config else None

    def run_name(sending: Sending) -> str:
        return sending.run_name or f"{name} {time.strftime('%Y-%m-%d %H:%M:%S')}"

    if place.platform == "kubeflow":
        _need("kfp", "kfp")
        with quiet_imports():
            from tfx_pipeline.cluster.submitting.kubeflow_client import KubeflowRuns
        kubeflow = KubeflowRuns(place.host or "", place.namespace, place.token)

        def start_there(path: Path, sending: Sending) -> str:
            return kubeflow.submit(
                path,
                pipeline=name,
                experiment=sending.experiment or name,
                run_name=run_name(sending),
                service_account=account,
            )

        return kubeflow, start_there
    _need("google.cloud.aiplatform", "vertex")
    with quiet_imports():
        from tfx_pipeline.cluster.submitting.vertex_client import VertexRuns
    vertex = VertexRuns(place.project or "", place.region or "")

    def start(path: Path, sending: Sending) -> str:
        labels = json.loads(path.read_text(encoding="utf-8")).get("labels", {})
        job = vertex.job(path, run_name=run_name(sending), labels=labels)
        return vertex.submit(job, account, sending.experiment)

    return vertex, start


def _need(module: str, extra: str) -> None:
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ConfigError(
            f"align submit needs {module}, which is not installed; install this project with its extra, "
            f"as pip install -e '.[{extra}]' does in the checkout"
        )


def write_uncached(path: Path) -> None:
    """Let every task of a compiled file run anew; a file for Kubeflow may hold a second document."""
    from tfx_pipeline.cluster.compiling.parameters import without_exponents  # which imports TFX

    documents = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    for task in _tasks(documents[0]):
        task["cachingOptions"] = {}
    if path.suffix == ".json":
        path.write_text(without_exponents(json.dumps(documents[0])), encoding="utf-8")
    else:
        path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")


def _tasks(document: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return list(document.get("pipelineSpec", document)["root"]["dag"]["tasks"].values())
