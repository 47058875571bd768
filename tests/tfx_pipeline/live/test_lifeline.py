"""A process on its parent's lifeline: ends well by itself, and at once when the parent's end of the pipe closes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest


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
