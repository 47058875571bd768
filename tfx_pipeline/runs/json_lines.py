"""Reads files that hold one JSON object a line, also while another process is writing them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx_pipeline.settings.config import ConfigError

_TAIL_BYTES = 65_536  # a line of history with every warning takes 3 KB, and another may be half written after it


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Returns the objects of a file in order; [] where there is no file.

    A last line without its newline is still being written, or was cut off by a kill: it is left out.

    Raises:
      ConfigError: for a whole line that holds no JSON object.
    """
    return [_object(line, path) for line in _whole_lines(path, start=0)]


def read_last_json_line(path: Path) -> dict[str, Any] | None:
    """Returns the last whole object of a file, reading its tail only; None where there is none."""
    try:
        start = max(path.stat().st_size - _TAIL_BYTES, 0)
    except FileNotFoundError:
        return None
    lines = _whole_lines(path, start)
    if start:
        del lines[:1]  # the tail may begin inside a line
    return _object(lines[-1], path) if lines else None


def _whole_lines(path: Path, start: int) -> list[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read()
    except FileNotFoundError:
        return []
    return [line for line in content.split(b"\n")[:-1] if line.strip()]


def _object(line: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{path} holds a line that is not JSON ({error}); the file is damaged, run again") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{path} holds {found!r} where an object belongs; the file is damaged, run again")
    return found
