"""A process on its lifeline ends well by itself, with the block that it was started for, and with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tfx_pipeline.live.lifeline import started

WAITS = "json.tool"  # a module that reads its standard input to the end


@pytest.fixture
def start():
    """Returns a function that runs Python code in a process whose standard input is a pipe of ours."""
    children = []

    def start_one(code: str) -> subprocess.Popen:
        program = f"from tfx_pipeline.live.lifeline import end_with_parent\nend_with_parent()\n{code}"
        pipe = subprocess.PIPE
        children.append(subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, stderr=pipe))
        return children[-1]

    yield start_one
    for child in children:
        child.kill()
        child.wait()


def test_a_process_that_is_done_ends_well_while_its_parent_lives(start):
    child = start("import sys, time\ntime.sleep(0.2)\nsys.exit(3)")
    assert child.wait(timeout=30) == 3
    assert b"Fatal Python error" not in child.stderr.read()


def test_a_process_ends_when_its_parent_is_gone(start):
    child = start("import time\nprint('up', flush=True)\ntime.sleep(60)")
    assert child.stdout.readline() == b"up\n"
    child.stdin.write(b"noise does not end it")
    child.stdin.close()
    assert child.wait(timeout=30) == -signal.SIGTERM


def children() -> set[int]:
    """Returns the ids of this process's children, ended ones that nobody waited for too."""
    return {int(child) for file in Path("/proc/self/task").glob("*/children") for child in file.read_text().split()}


class Left(Exception):
    """What a handler of a signal leaves a block by."""


@pytest.fixture
def leaves():
    """Has SIGTERM raise Left here."""

    def leave(*_: object) -> None:
        raise Left

    before = signal.signal(signal.SIGTERM, leave)
    yield leave
    signal.signal(signal.SIGTERM, before)


def test_a_process_ends_with_its_block(leaves):
    before = children()
    with started(WAITS) as child:
        assert children() == {*before, child.pid}
        assert signal.getsignal(signal.SIGTERM) is leaves
    assert child.returncode == -signal.SIGTERM
    assert children() == before


def test_a_signal_that_comes_while_a_process_starts_stops_it(leaves):
    before, parent = children(), os.getpid()
    with (
        pytest.raises(Left),
        started(WAITS, preexec_fn=lambda: os.kill(parent, signal.SIGTERM)),  # between fork and exec
    ):
        pytest.fail("the block was entered")
    assert children() == before
    assert signal.getsignal(signal.SIGTERM) is leaves


def test_a_process_that_cannot_be_started_leaves_the_handlers_as_they_were(leaves, tmp_path):
    with pytest.raises(FileNotFoundError), started(WAITS, cwd=tmp_path / "nowhere"):
        pytest.fail("the block was entered")
    assert signal.getsignal(signal.SIGTERM) is leaves
