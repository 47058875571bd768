"""Training's diary: one JSON object a line, readable while training runs and kept when it is resumed."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from models.saving.whole import write_whole
from models.training.diagnosis import LINES_NEEDED
from models.training.tensorboard import EventFile

TENSORBOARD_DIR = "tensorboard"
MEASURES = ("loss", "temperature", "in_batch_recall_at_1", "gradient_norm", "skipped_steps")  # what a step returns

Line = dict[str, Any]
Diagnose = Callable[[Sequence[Line]], Mapping[str, str]]  # lines so far -> name and words of each warning that holds


def no_diagnosis(lines: Sequence[Line]) -> Mapping[str, str]:
    """Returns no warnings, whatever the lines say."""
    return {}


class History:
    """Writes a line after step 1, every `log_every_steps` steps and after the last step.

    A line holds {"step", "steps", "loss", "temperature", "in_batch_recall_at_1", "gradient_norm", "skipped_steps",
    "learning_rate", "input_wait", "pairs_per_s", "seconds", "seconds_left", "warnings"}: the measures are those of that
    step alone, but for the skipped steps, which are counted from the beginning; the wait for input is a share of the
    time since the line before, and so is the speed. What is not known, or not finite, is null: a process's first line
    has neither, since its time is that of building the graph. "warnings" is name -> words of those that hold.

    A whole line is appended at a time. Where training is resumed, the lines to keep are written aside first, then
    renamed.

    Args:
      path: file to write, local or remote.
      steps: optimizer steps in all.
      batch: G, pairs a step.
      log_every_steps: steps between two lines.
      tensorboard_dir: folder for event files of the same lines; None writes none.
      diagnose: says what goes wrong; it is given the last LINES_NEEDED lines. A warning is logged once, when it begins
        to hold for the first time.
    """

    def __init__(
        self,
        path: str,
        *,
        steps: int,
        batch: int,
        log_every_steps: int,
        tensorboard_dir: str | None = None,
        diagnose: Diagnose = no_diagnosis,
    ) -> None:
        self._path, self._steps, self._batch, self._log_every_steps = path, steps, batch, log_every_steps
        self._tensorboard_dir, self._diagnose = tensorboard_dir, diagnose

    def begin(self, first_step: int) -> None:
        """Start to write, keeping what an earlier process wrote up to `first_step`; 0 begins anew.

        Lines that a kill or a full disk left unreadable are dropped: no training is refused for its diary.
        """
        kept = [line for line in _readable_lines(self._path) if line["step"] <= first_step]
        write_whole(self._path, "".join(map(_as_json, kept)))
        self._file = tf.io.gfile.GFile(self._path, "a")
        self._recent = deque(kept, maxlen=LINES_NEEDED - 1)
        self._warned = {name for line in kept for name in line["warnings"]}
        self._knows_speed = False  # of the first line
        self._step_of_last_line = first_step
        self._time_of_last_line = time.monotonic()
        before = kept[-1]["seconds"] if kept else 0.0
        self._began = self._time_of_last_line - before
        self._events = None
        if self._tensorboard_dir is not None:
            self._events = EventFile(self._tensorboard_dir, kept, began=time.time() - before)

    def is_due(self, step: int) -> bool:
        """Says whether a line is to be written after `step`, counted from 1."""
        return step == 1 or step % self._log_every_steps == 0 or step == self._steps

    def record(self, step: int, measures: Mapping[str, float], *, learning_rate: float, waited_s: float) -> None:
        """Write the line of a step.

        Args:
          step: that was just taken, from 1.
          measures: of that step, by MEASURES; NaN where one is not known.
          learning_rate: that the step used.
          waited_s: seconds since the line before in which training waited for input.
        """
        now = time.monotonic()
        elapsed = now - self._time_of_last_line if self._knows_speed else math.nan
        seconds_per_step = elapsed / (step - self._step_of_last_line)
        line: Line = {
            "step": step,
            "steps": self._steps,
            **{name: float(measures[name]) for name in MEASURES if name != "skipped_steps"},
            "skipped_steps": int(measures["skipped_steps"]),
            "learning_rate": float(learning_rate),
            "input_wait": waited_s / elapsed,
            "pairs_per_s": self._batch / seconds_per_step,
            "seconds": now - self._began,
            "seconds_left": (self._steps - step) * seconds_per_step if step < self._steps else 0.0,
        }
        line["warnings"] = dict(self._diagnose([*self._recent, line]))
        self._recent.append(line)
        self._file.write(_as_json(line))
        self._file.flush()
        if self._events is not None:
            self._events.write(line)
        for name in line["warnings"].keys() - self._warned:
            logging.warning("%s", line["warnings"][name])
        self._warned |= line["warnings"].keys()
        self._time_of_last_line, self._step_of_last_line, self._knows_speed = now, step, True

    def end(self) -> None:
        """Close the files; nothing is lost where this is never called."""
        self._file.close()
        if self._events is not None:
            self._events.close()


def _as_json(line: Line) -> str:
    """Returns a line as JSON, which knows no NaN and no infinity: they are null."""
    written = {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in line.items()}
    return json.dumps(written, allow_nan=False) + "\n"


def _readable_lines(path: str) -> list[Line]:
    """Returns the whole lines of a history, NaN where one has null; [] where there is no file."""
    if not tf.io.gfile.exists(path):
        return []
    with tf.io.gfile.GFile(path, "rb") as file:
        written = file.read().split(b"\n")[:-1]  # what follows the last newline is half a line
    lines = []
    for text in written:
        try:
            line = json.loads(text)
            lines.append({name: math.nan if line[name] is None else line[name] for name in _NAMES})
        except (ValueError, KeyError, TypeError):
            continue
    if len(lines) < len(written):
        logging.warning("%s holds %d lines that cannot be read; they are left out", path, len(written) - len(lines))
    return lines


_NAMES = (
    "step",
    "steps",
    *MEASURES,
    "learning_rate",
    "input_wait",
    "pairs_per_s",
    "seconds",
    "seconds_left",
    "warnings",
)
