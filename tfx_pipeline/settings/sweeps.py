"""Sweeps of an ablation as data: rows that each change a few fields of one config, beside what the paper measured."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.closest_name import did_you_mean
from components.config_fields import build_fields
from tfx_pipeline.settings.yaml_text import read_yaml, write_yaml_line

SWEEPS = Path(__file__).parents[1] / "sweeps"
NAME = r"[a-z0-9][a-z0-9-]*"  # of a row, and of the sweep: both become part of a pipeline's name
Value = int | float | bool | str | None  # of a field


@dataclass(frozen=True)
class Row:
    """One model of a sweep.

    Attributes:
      set: dotted field -> value, such as training.negatives -> 0.5.
      paper: what the paper measured of it, in the order of the sweep's `measures`; () where it prints nothing.
      name: its key in `rows`.
    """

    set: Mapping[str, Value]
    paper: tuple[float, ...] = ()
    name: str = ""

    @property
    def changes(self) -> str:
        """What it changes, as one would type it after --set."""
        return ", ".join(f"{name}={write_yaml_line(value)}" for name, value in self.set.items())


@dataclass(frozen=True)
class Sweep:
    """Models that differ in one thing, and what a paper says of them.

    Attributes:
      about: what differs, one phrase.
      preset: the config that the paper's rows start from, for --config SWEEP/ROW.
      rows: name -> row; the first is what the others are compared with.
      over: dotted field -> value, laid over that preset alone.
      every: dotted field -> value, laid over whatever config the rows start from.
      paper: where the rows' `paper` comes from.
      measures: what those numbers are, per cent each.
      name: of its file.
    """

    about: str
    preset: str
    rows: Mapping[str, Row]
    over: Mapping[str, Value] = field(default_factory=dict)
    every: Mapping[str, Value] = field(default_factory=dict)
    paper: str = ""
    measures: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError("rows is empty; name at least one row")
        for name, row in self.rows.items():
            if not re.fullmatch(NAME, name):
                raise ValueError(f"rows has the key {name!r}; use lower-case letters, digits and hyphens")
            if row.paper and len(row.paper) != len(self.measures):
                raise ValueError(
                    f"rows.{name}.paper holds {len(row.paper)} numbers for {len(self.measures)} measures; give one each"
                )

    def overrides(self, row: Row) -> dict[str, str]:
        """Returns dotted field -> value as YAML text, to lay over any config."""
        return {name: write_yaml_line(value) for name, value in {**self.every, **row.set}.items()}


def sweep_names() -> list[str]:
    """Returns the names of the sweeps that come with the project."""
    return sorted(path.stem for path in SWEEPS.glob("*.yaml"))


def row_names() -> list[str]:
    """Returns SWEEP/ROW for each row of the sweeps that come with the project."""
    return [f"{name}/{row}" for name in sweep_names() for row in read_sweep(name).rows]


def read_sweep(source: str) -> Sweep:
    """Read a sweep.

    Args:
      source: a name of `sweep_names`, or the path of a YAML file like theirs.

    Raises:
      ValueError: for a sweep that does not exist, with the closest that does, and for a wrong field.
    """
    path = SWEEPS / f"{source}.yaml" if source in sweep_names() else Path(source)
    if not path.is_file():
        hint = did_you_mean(source, sweep_names()) or f"; sweeps are {', '.join(sweep_names())}"
        raise ValueError(f"--sweep {source!r} is neither a sweep nor a file{hint}")
    if not re.fullmatch(NAME, path.stem):
        raise ValueError(f"--sweep {source!r} names the sweep {path.stem!r}; use lower-case letters, digits, hyphens")
    values = read_yaml(path.read_bytes(), str(path))
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no mapping; a sweep has about, preset and rows")
    try:
        return build_fields(Sweep, {**values, "name": path.stem})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def choose_row(sweep: Sweep, name: str) -> Row:
    """Returns a row by its name.

    Raises:
      ValueError: where the sweep has no such row.
    """
    if name not in sweep.rows:
        raise ValueError(f"{name!r} is no row of the sweep {sweep.name}; its rows are {', '.join(sweep.rows)}")
    return sweep.rows[name]
