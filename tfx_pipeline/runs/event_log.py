"""Writes what a run does, one JSON object a line, for the live view and the report to read."""

from __future__ import annotations

import json
import logging
import time
from enum import Enum
from pathlib import Path
from typing import Any

EVENTS_FILE = "events.jsonl"


class EventKind(str, Enum):
    """What happened, and what an event says of it besides its time."""

    PIPELINE_STARTED = "pipeline_started"  # name, components
    PIPELINE_FINISHED = "pipeline_finished"
    COMPONENT_STARTED = "component_started"  # component
    COMPONENT_FINISHED = "component_finished"  # component, state, outputs, since
    COMPONENT_FAILED = "component_failed"  # component, None outside of any; error


class EventLog:
    """Appends events to `<run folder>/events.jsonl`, each line flushed before the next step begins."""

    def __init__(self, run_dir: Path) -> None:
        self._file = (run_dir / EVENTS_FILE).open("a", encoding="utf-8")

    def write(self, event: EventKind, **fields: Any) -> None:
        self._file.write(json.dumps({"event": event, "time": time.time(), **fields}) + "\n")
        self._file.flush()


class ComponentEvents(logging.Handler):
    """Turns LocalDagRunner's own messages into events: it has no other hook around a component.

    Attributes:
      current: id of the component that runs now, or None.
    """

    STARTED = "Component %s is running."
    FINISHED = "Component %s is finished."

    def __init__(self, events: EventLog, describe: Any) -> None:
        """Args:
        events: where to write.
        describe: component id -> {"state", "outputs", "since"} of its last execution, as local_runner has them.
        """
        super().__init__(level=logging.INFO)
        self._events = events
        self._describe = describe
        self.current: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == self.STARTED and isinstance(record.args, tuple):
            self.current = str(record.args[0])
            self._events.write(EventKind.COMPONENT_STARTED, component=self.current)
        elif record.msg == self.FINISHED and isinstance(record.args, tuple):
            finished = str(record.args[0])
            self._events.write(EventKind.COMPONENT_FINISHED, component=finished, **self._describe(finished))
            self.current = None
