"""Tests of the `align` command as a user types it: help at once, one sentence for each mistake."""

from __future__ import annotations

import subprocess
import sys

import pytest

ALIGN = [sys.executable, "-m", "tfx_pipeline.cli"]


def align(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([*ALIGN, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_help_imports_neither_tfx_nor_tensorflow():
    program = (
        "import sys, typer.testing, tfx_pipeline.cli as cli\n"
        "result = typer.testing.CliRunner().invoke(cli.app, ['--help'])\n"
        "assert result.exit_code == 0 and 'query' in result.output, result.output\n"
        "heavy = {'tfx', 'tensorflow', 'keras', 'apache_beam', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize("command", ["run", "compile", "report", "query", "serve"])
def test_every_command_explains_itself(command):
    done = align(command, "--help")
    assert done.returncode == 0
    assert "--config" in done.stdout


def refused(*arguments: str) -> str:
    """Returns the one sentence on stderr of a refused command."""
    done = align(*arguments)
    assert done.returncode == 2, (done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_preset_that_does_not_exist():
    assert "did you mean 'demo'?" in refused("run", "--config", "dem0")


def test_a_set_without_an_equals_sign():
    assert "write a field and a value" in refused("run", "--set", "training.steps")


def test_a_missing_shard_folder(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"output: {tmp_path / 'out'}\ningest: {{shards: nowhere}}\n", encoding="utf-8")
    sentence = refused("run", "--config", str(path))
    assert str(tmp_path / "nowhere") in sentence
    assert not list(tmp_path.glob("out/*/runs/*"))


def test_an_empty_shard_folder(tmp_path):
    (tmp_path / "empty").mkdir()
    path = tmp_path / "mine.yaml"
    path.write_text(f"output: {tmp_path / 'out'}\ningest: {{shards: empty}}\n", encoding="utf-8")
    sentence = refused("run", "--config", str(path))
    assert str(tmp_path / "empty") in sentence
    assert "*.tar" in sentence


def test_a_beam_option_that_does_not_exist(tmp_path):
    sentence = refused("run", "--set", "beam.options={direct_num_wokers: 2}", "--set", f"output={tmp_path / 'out'}")
    assert "'direct_num_wokers'" in sentence
    assert "did you mean 'direct_num_workers'?" in sentence


def test_an_output_folder_that_cannot_be_written(tmp_path):
    file = tmp_path / "file"
    file.write_text("in the way", encoding="utf-8")
    sentence = refused("run", "--set", f"output={file}")
    assert str(file) in sentence
    assert "set output to a folder of yours" in sentence
