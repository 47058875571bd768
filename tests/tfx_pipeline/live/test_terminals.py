"""The command on terminals that cannot show all it prints, with arguments as odd shells hand them over."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from typer.main import get_command

from tfx_pipeline.cli import app, main
from tfx_pipeline.commands.serve import Serving, serve_until_stopped
from tfx_pipeline.settings.config import ConfigError

COMMANDS = sorted(get_command(app).commands)


@pytest.fixture
def typed(monkeypatch):
    """Returns a function: encoding of the terminal, arguments -> (status, what stood on both streams)."""

    def run(encoding: str, *arguments: str) -> tuple[object, str]:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        monkeypatch.setattr(sys, "argv", ["align", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        for stream in streams:
            stream.flush()
        return end.value.code, "".join(stream.buffer.getvalue().decode(encoding) for stream in streams)

    return run


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_every_command_explains_itself_and_refuses_on_any_terminal(typed, command, encoding):
    assert typed(encoding, command, "--help")[0] == 0
    status, said = typed(encoding, command, "--猫=…é")
    assert status == 2
    assert "No such option" in said


@pytest.mark.parametrize("width", ["1", "10", "80"])
@pytest.mark.parametrize("settings", [{}, {"TERM": "dumb"}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}])
def test_tables_are_printed_at_any_width(typed, monkeypatch, width, settings):
    for name, value in {"COLUMNS": width, **settings}.items():
        monkeypatch.setenv(name, value)
    status, said = typed("ascii", "presets")
    assert status == 0
    assert said.isascii()
    if width == "80":
        assert "100,000" in said  # no figure is cut on a terminal of the usual width


def test_a_refusal_replaces_what_the_terminal_cannot_show(typed):
    status, said = typed("ascii", "run", "--config", "übung")
    assert status == 2
    assert said.startswith("align: --config '?bung' is neither a preset nor a file")


def test_an_argument_that_the_locale_took_apart_is_put_together(typed):
    status, said = typed("utf-8", "run", "--set", "name=\udcc3\udca9t\udcc3\udca9")
    assert status == 2
    assert said.startswith("align: name is 'été'; use lower-case letters")


def test_a_tilde_that_the_shell_left_is_the_home_folder(typed, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("name: My Model", encoding="utf-8")
    assert "name is 'My Model'" in typed("utf-8", "run", "--config=~/mine.yaml")[1]
    assert f"--run {tmp_path}/nowhere has no" in typed("utf-8", "report", "--run=~/nowhere")[1]


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_is_none_is_refused_before_anything_is_loaded(tmp_path, port):
    with pytest.raises(ConfigError, match=rf"^--port is {port}; it must be from 1 to 65535, or 0 for any free one"):
        serve_until_stopped(Serving(tmp_path, port=port))


def test_a_reader_that_goes_away_leaves_no_traceback():
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tfx_pipeline.cli", "presets"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_an_output_that_is_full_is_one_sentence():
    command = [sys.executable, "-m", "tfx_pipeline.cli", "presets"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr == "align: the output cannot be written (No space left on device); make room there\n"
