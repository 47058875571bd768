"""Jobs whose workers are forked: what they share and what not, and how they end where one of them is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from components.beam.lean_import import UNASKED


@pytest.fixture
def start():
    """Returns a function that starts forked_job.py with what its second job does."""
    with contextlib.ExitStack() as jobs:

        def start_job(last: str) -> subprocess.Popen:
            command = [sys.executable, "-W", "ignore", "-m", "tests.components.beam.forked_job", last]
            job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            jobs.callback(job.kill)
            return job

        yield start_job


def end(job: subprocess.Popen) -> tuple[list[dict], str]:
    """Returns what the elements found, and what was said beside."""
    out, said = job.communicate(timeout=300)
    return [json.loads(line) for line in out.splitlines()], said


def test_all_jobs_of_a_process_fork_their_workers_from_one_other(start):
    job = start("describe")
    found, said = end(job)
    assert job.returncode == 0, said
    first, second = found[:8], found[8:]
    assert len({one["pid"] for one in found}) == 4  # two workers a job
    assert len({one["parent"] for one in found} - {job.pid}) == 1
    assert {one["given"] for one in first} == {"first"}  # the environment at the job's start, not the parent's
    assert {one["given"] for one in second} == {"second"}
    draws = [draw for one in found for draw in one["drawn"]]
    assert len(set(draws)) == len(draws)  # forked processes would all draw the same


@pytest.mark.parametrize(
    ("last", "error"),
    [
        ("die", "a Beam worker was ended by SIGKILL; it may have run out of memory"),
        ("die at the end", "a Beam worker was ended by SIGKILL; it may have run out of memory"),
        ("leave", "a Beam worker ended with status 3"),
    ],
)
def test_a_job_fails_where_a_worker_dies(start, last, error):
    job = start(last)
    _, said = end(job)
    assert job.returncode == 1
    assert error in said.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_the_process_whose_job_they_do(start, number):
    job = start("wait")
    assert job.stdout is not None
    found = [json.loads(job.stdout.readline()) for _ in range(10)]
    pids = {one["pid"] for one in found[8:]} | {found[0]["parent"]}
    assert len(pids) == 3
    job.send_signal(number)
    job.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while (left := [pid for pid in pids if is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left


def test_a_job_fails_where_the_process_that_workers_are_forked_from_dies(start):
    job = start("wait")
    assert job.stdout is not None
    found = [json.loads(job.stdout.readline()) for _ in range(10)]
    os.kill(found[0]["parent"], signal.SIGKILL)
    try:
        _, said = end(job)
    finally:
        for one in found[8:]:
            if is_running(one["pid"]):
                os.kill(one["pid"], signal.SIGKILL)
    assert job.returncode == 1
    assert "a Beam worker was lost: the process that it was forked from has ended" in said.splitlines()[-1]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_beam_loads_without_clients_that_nothing_asks_and_they_can_be_had_afterwards():
    program = f"""
import importlib, sys
from components.beam.lean_import import without_clients
with without_clients():
    import apache_beam
    assert not {{"IPython", *{UNASKED}}} & {{name for name, module in sys.modules.items() if module}}
for name in {UNASKED}:
    importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
