"""The history of a training, as the Trainer writes it line by line into its `model_run` output."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.artifact_files import HISTORY_FILE
from components.component_ids import TRAINER
from tfx_pipeline.runs.folders import ARTIFACTS
from tfx_pipeline.runs.json_lines import read_json_lines, read_last_json_line
from tfx_pipeline.settings.config import ConfigError

CLOCK_SLACK_S = 2.0  # file systems keep times to a second or two


@dataclass(frozen=True)
class HistoryLine:
    """Training as it stood after one step; NaN where a value is not known, or was not finite.

    Attributes:
      step: of `steps`, from 1.
      loss: of that step, as `training.loss` defines it.
      temperature: sigma.
      learning_rate: that the step used.
      in_batch_recall_at_1: share of the batch whose own pair scored highest.
      pairs_per_s: since the line before.
      seconds: since training began.
      seconds_left: at that speed.
      gradient_norm: of the whole batch, before it is clipped.
      skipped_steps: since training began, for gradients that were not finite.
      input_wait: share of the time since the line before in which training waited for input.
      warnings: name -> words of those that held.
    """

    step: int
    steps: int
    loss: float
    temperature: float
    learning_rate: float
    in_batch_recall_at_1: float
    pairs_per_s: float
    seconds: float
    seconds_left: float
    gradient_norm: float = math.nan
    skipped_steps: int = 0
    input_wait: float = math.nan
    warnings: Mapping[str, str] = field(default_factory=dict)


FIELDS = tuple(each.name for each in dataclasses.fields(HistoryLine))
_LATER_FIELDS = {"gradient_norm", "skipped_steps", "input_wait", "warnings"}  # that earlier versions did not write


def read_history(model_run: Path) -> list[HistoryLine]:
    """Returns the whole history in a `model_run` artifact, [] where there is none; raises ConfigError if damaged."""
    path = model_run / HISTORY_FILE
    return [_line(found, path) for found in read_json_lines(path)]


def read_last_line(path: Path) -> HistoryLine | None:
    """Returns the last line of a history, None before its first; raises ConfigError if damaged."""
    found = read_last_json_line(path)
    return None if found is None else _line(found, path)


def history_written_since(root: Path, since: float) -> Path | None:
    """Returns the history of the training that began at Unix time `since`, None before its first line.

    Args:
      root: the pipeline's folder.
      since: histories untouched since then are of earlier trainings; of the others the oldest is this one's.
    """
    folder = root / ARTIFACTS / TRAINER / "model_run"
    written = {path: path.stat().st_mtime for path in folder.glob(f"*/{HISTORY_FILE}")}
    return min(
        (path for path in written if written[path] >= since - CLOCK_SLACK_S), key=written.__getitem__, default=None
    )


def progress(root: Path, since: float) -> HistoryLine | None:
    """Returns how far the training is that began at Unix time `since`, None before its first line."""
    path = history_written_since(root, since)
    return None if path is None else read_last_line(path)


def _line(found: dict[str, Any], path: Path) -> HistoryLine:
    try:
        known = [name for name in FIELDS if name in found or name not in _LATER_FIELDS]
        values: dict[str, Any] = {name: math.nan if found[name] is None else found[name] for name in known}
        return HistoryLine(**values)
    except KeyError as error:
        raise ConfigError(
            f"{path} holds a line without {error}; it was written by another version, run again"
        ) from error
