"""What the rows of a sweep measured, kept in one file after each row. Imports no framework."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfx_pipeline.files import write_file
from tfx_pipeline.settings.config import Config, ConfigError
from tfx_pipeline.settings.sweeps import Row, Sweep

RESULTS_FILE = "ablation.json"
_FORMAT = 1
_KEPT_AS_THEY_ARE = ("config", "run", "model", "error")  # fields of Outcome

Metrics = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Outcome:
    """What became of one row.

    Attributes:
      row: what it changed.
      config: every setting that it depended on, as nested mappings; {} where the row's config was refused.
      inputs: hash of the files that it depended on, by `inputs_of`; "" where that is not known.
      run: its run's folder below the pipeline's, "" where none was started.
      model: where its model is, "" where none was made.
      metrics: split -> metric -> value; {} unless it was judged.
      training: of the last line of its history: steps, seconds, loss, temperature.
      error: why it failed, one sentence; "" where it did not.
    """

    row: Row
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: str = ""
    run: str = ""
    model: str = ""
    metrics: Metrics = field(default_factory=dict)
    training: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def finished(self) -> bool:
        """Whether it was trained and judged."""
        return bool(self.metrics) and not self.error

    def answers(self, config: Config, inputs: Callable[[Config], str]) -> bool:
        """Whether it is the finished outcome of this very config and of the same files, wherever its output lies.

        Args:
          config: what is asked for.
          inputs: returns the hash of the files behind it; it is asked only where all else is the same.
        """
        same = self.finished and _portable(self.config) == _portable(config.to_mapping())
        return same and self.inputs == inputs(config)


@dataclass(frozen=True)
class Ablation:
    """A sweep over one config, as far as it has come.

    Attributes:
      name: of the pipeline that all rows are runs of.
      sweep: its rows, and the paper's numbers.
      outcomes: of the rows that were reached, in their order.
    """

    name: str
    sweep: Sweep
    outcomes: tuple[Outcome, ...] = ()

    @property
    def failed(self) -> list[Outcome]:
        """The rows that failed."""
        return [outcome for outcome in self.outcomes if outcome.error]

    @property
    def splits(self) -> list[str]:
        """Splits that a row was judged on, in the order of the first one that was."""
        return list(dict.fromkeys(split for outcome in self.outcomes for split in outcome.metrics))


def write_results(ablation: Ablation, path: Path) -> None:
    """Write the results aside first, then renamed: a reader finds the old ones or the new.

    Raises:
      ConfigError: where they cannot be written.
    """
    sweep = ablation.sweep
    values = {
        "format": _FORMAT,
        "name": ablation.name,
        "sweep": sweep.name,
        "about": sweep.about,
        "paper": sweep.paper,
        "measures": list(sweep.measures),
        "rows": [_row_values(outcome) for outcome in ablation.outcomes],
    }
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_file(path, text.encode(), str(path))


def read_outcomes(path: Path, rows: Iterable[Row]) -> dict[str, Outcome]:
    """Returns what an earlier call wrote of these rows, by name; {} where there is nothing.

    Raises:
      ConfigError: where the file is damaged or of another version.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error}); delete it, and every row is run again") from error
    try:
        if values["format"] != _FORMAT:
            raise ValueError(f"format {values['format']!r}")
        written = {found["name"]: found for found in values["rows"]}
        return {row.name: _outcome(row, written[row.name]) for row in rows if row.name in written}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{path} was written by another version or is damaged ({type(error).__name__}: {error}); delete it, and "
            "every row is run again"
        ) from error


def _row_values(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.row.name,
        "set": dict(outcome.row.set),
        "paper": list(outcome.row.paper),
        **{name: getattr(outcome, name) for name in (*_KEPT_AS_THEY_ARE, "inputs")},
        "training": _without_nan(outcome.training),
        "metrics": {split: _without_nan(found) for split, found in outcome.metrics.items()},
    }


def _outcome(row: Row, values: Mapping[str, Any]) -> Outcome:
    return Outcome(
        row,
        inputs=values.get("inputs", ""),
        training=_with_nan(values["training"]),
        metrics={split: _with_nan(found) for split, found in values["metrics"].items()},
        **{name: values[name] for name in _KEPT_AS_THEY_ARE},
    )


def _without_nan(found: Mapping[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in found.items()}  # JSON has no NaN


def _with_nan(found: Mapping[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else float(value) for name, value in found.items()}


def _portable(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a config without what does not change a number, as JSON reads it back."""
    return json.loads(json.dumps({name: value for name, value in config.items() if name != "output"}))
