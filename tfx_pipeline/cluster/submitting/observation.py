"""What a run on a cluster was seen to do, as the events that the live view shows of a run on this machine."""

from __future__ import annotations

import graphlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfx_pipeline.runs.event_log import EventKind
from tfx_pipeline.runs.run_record import State, record_of


@dataclass(frozen=True)
class Task:
    """What became of a task so far.

    Attributes:
      id: the component's.
      state: as in a run's record; "cached" was taken from an earlier run.
      started, ended: Unix times, None where the cluster does not say.
      error: why it failed, one sentence.
    """

    id: str
    state: State
    started: float | None = None
    ended: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Observed:
    """What became of a run so far.

    Attributes:
      name: the run's.
      components: ids of the tasks that it has or will have, in their order.
      tasks: those that were seen.
      ended: whether it goes on no longer.
      error: why it did not end well; None where it did, or goes on.
    """

    name: str
    components: Sequence[str]
    tasks: Sequence[Task]
    ended: bool = False
    error: str | None = None


def new_events(events: Sequence[Mapping[str, Any]], seen: Observed) -> list[dict[str, Any]]:
    """Return the events that what was seen adds to those before, in the order in which they came to be."""
    record, now = record_of(Path(), events), time.time()
    added: list[dict[str, Any]] = []
    if not events:
        components = list(dict.fromkeys((*seen.components, *(task.id for task in seen.tasks))))
        began = min((task.started for task in seen.tasks if task.started), default=now)
        added.append({"event": EventKind.PIPELINE_STARTED, "time": began, "name": seen.name, "components": components})
    for task in seen.tasks:
        before, of = record.component(task.id), {"component": task.id}
        if task.state == "waiting" or before.state not in ("waiting", "running"):
            continue
        if before.state == "waiting":
            added.append({"event": EventKind.COMPONENT_STARTED, "time": task.started or now, **of})
        if task.state == "failed":
            error = task.error or seen.error or "the cluster does not say why"
            added.append({"event": EventKind.COMPONENT_FAILED, "time": task.ended or now, "error": error, **of})
        elif task.state != "running":
            added.append({"event": EventKind.COMPONENT_FINISHED, "time": task.ended or now, "state": task.state, **of})
    added.sort(key=lambda event: event["time"])  # a stable sort: a component begins before it ends
    if seen.ended and seen.error is None:
        added.append({"event": EventKind.PIPELINE_FINISHED, "time": now})
    elif seen.ended and not any(event["event"] == EventKind.COMPONENT_FAILED for event in (*events, *added)):
        added.append({"event": EventKind.COMPONENT_FAILED, "time": now, "component": None, "error": seen.error})
    return added


def in_order(spec: Mapping[str, Any]) -> list[str]:
    """Returns a compiled pipeline's tasks, each behind those that it waits for; [] where there is no spec."""
    tasks = spec.get("root", {}).get("dag", {}).get("tasks", {})
    waits_for = {name: sorted(task.get("dependentTasks", ())) for name, task in sorted(tasks.items())}
    return list(graphlib.TopologicalSorter(waits_for).static_order())
