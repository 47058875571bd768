"""The pipeline's process before it runs anything: handed nothing it ends quietly, broken it says so in the log."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from tfx_pipeline import pipeline_process
from tfx_pipeline.commands.run import run
from tfx_pipeline.runs.run_record import LOG_FILE
from tfx_pipeline.settings.config import ConfigError, load


def children() -> set[int]:
    """Returns the ids of this process's children, ended ones that nobody waited for too."""
    return {int(child) for file in Path("/proc/self/task").glob("*/children") for child in file.read_text().split()}


def test_a_refusal_by_the_checks_ends_it_and_leaves_no_folder(tmp_path, capfd):
    before = children()
    missing = {"output": str(tmp_path / "out"), "ingest.shards": str(tmp_path / "none")}
    with pytest.raises(ConfigError, match=r"^ingest\.shards is "):
        run(load("demo", missing), Console(file=io.StringIO()))
    assert children() == before
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def broken_tfx(tmp_path, monkeypatch):
    """Puts a package in TFX's place that prints and cannot be imported, in processes started from here on."""
    package = tmp_path / "broken" / "tfx"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("print('loading', flush=True)\nraise ImportError('half of it is gone')\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent), prepend=os.pathsep)


def test_what_is_said_before_there_is_a_log_is_in_the_log(tmp_path, broken_tfx):
    run_dir = tmp_path / "new\nline"
    run_dir.mkdir()
    with pipeline_process.start([]) as process:
        pipeline_process.hand_over(process, run_dir)
        assert process.wait(timeout=60) == 1
    said = (run_dir / LOG_FILE).read_text().splitlines()
    assert (said[0], said[-1]) == ("loading", "ImportError: half of it is gone")


def test_handed_nothing_it_ends_quietly(broken_tfx, capfd):
    with pipeline_process.start([]) as process:
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    assert capfd.readouterr() == ("", "")


def test_a_process_that_died_can_be_handed_a_folder(tmp_path):
    with pipeline_process.start([]) as process:
        process.kill()
        process.wait()
        pipeline_process.hand_over(process, tmp_path)
        assert process.poll() != 0
    assert (tmp_path / LOG_FILE).read_bytes() == b""
