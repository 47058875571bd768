"""A small run to index, and `align index` in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coloured_run import write_examples, write_run
from typer.testing import CliRunner

from tfx_pipeline.cli import app
from tfx_pipeline.settings.config import ConfigError


@pytest.fixture
def root(tmp_path) -> Path:
    """The folder of a pipeline with five images in two splits."""
    root = tmp_path / "output" / "align"
    return write_run(root, write_examples(root / "artifacts" / "PairFilter" / "examples" / "5"))


@pytest.fixture
def run(root, tmp_path) -> Callable[..., str]:
    """Runs `align index ...` on the pipeline and the index in `tmp_path`; returns what it printed, or raises."""

    def command(*words: str) -> str:
        where = ["--index", str(tmp_path / "index"), "--set", f"output={root.parent}", "--set", f"name={root.name}"]
        done = CliRunner().invoke(app, ["index", *words, *where], terminal_width=200)
        if isinstance(done.exception, ConfigError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return command


@pytest.fixture
def info(run) -> Callable[[], dict[str, Any]]:
    """Returns what `align index info --json` says."""
    return lambda: json.loads(run("info", "--json"))
