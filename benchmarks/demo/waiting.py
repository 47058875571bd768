"""Measures how long a user waits for commands to start, each beside a bare `import tensorflow` of the same environment.

Usage: .venv/bin/python -m benchmarks.demo.waiting [--rounds 3] [--config demo] [--set FIELD=VALUE ...]

Needs a finished run of that config (`make demo`). In each round TensorFlow is imported, then each command runs once, so
that a busy machine slows all alike; what is printed are medians. CPU seconds are of a command with its children. The
pipeline is run from its cache; "first component" is the time until its log names one. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.shared.machine import describe_machine
from tfx_pipeline.runs.event_log import EVENTS_FILE
from tfx_pipeline.runs.run_record import latest_run_dir
from tfx_pipeline.settings.config import load

ALIGN = Path(sys.executable).with_name("align")
BARE = "import tensorflow"
WORKER = "import a filter's worker"
WORKER_MODULES = "apache_beam.runners.worker.sdk_worker_main, components.pair_filter.passes.write_pass"
ASKED_S: dict[str, Callable[[float], float]] = {  # what may be waited for, by the time of a bare import
    "align query": lambda bare: bare + 2,
    "align report": lambda bare: 3,
    "align filter --sample 2000": lambda bare: 6,
    "align run, from the cache": lambda bare: 15,
    "align run, to its first component": lambda bare: 13,
    WORKER: lambda bare: 2,
}


class Timing(NamedTuple):
    """Seconds by the clock, and of CPU time; NaN where the latter cannot be told apart."""

    wall_s: float
    cpu_s: float


def run(command: Sequence[str | Path]) -> Timing:
    """Run a command to its end, unseen."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with status {done.returncode}:\n{done.stdout}")
    return Timing(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def one_round(options: Sequence[str], root: Path, folder: Path) -> dict[str, Timing]:
    """Returns the timing of everything, each run once."""
    python = [sys.executable, "-W", "ignore", "-c"]
    timings = {
        BARE: run([*python, BARE]),
        WORKER: run([*python, f"import {WORKER_MODULES}"]),
        "align query": run([ALIGN, "query", "a red apple", "--out", folder / "query.html", *options]),
        "align report": run([ALIGN, "report", *options]),
        "align filter --sample 2000": run([ALIGN, "filter", "--sample", "2000", *options]),
    }
    started = time.time()
    timings["align run, from the cache"] = run([ALIGN, "run", *options])
    timings["align run, to its first component"] = Timing(first_component(root) - started, float("nan"))
    return timings


def first_component(root: Path) -> float:
    """Returns the time, in seconds since 1970, at which the newest run's first component started."""
    events = (latest_run_dir(root) / EVENTS_FILE).read_text(encoding="utf-8").splitlines()
    return next(event["time"] for event in map(json.loads, events) if event["event"] == "component_started")


def report(rounds: Sequence[dict[str, Timing]]) -> str:
    """Returns the table of medians."""
    medians = {
        name: Timing(*(statistics.median(getattr(each[name], field) for each in rounds) for field in Timing._fields))
        for name in rounds[0]
    }
    bare = medians[BARE].wall_s
    lines = ["| | s | CPU s | s beyond a bare import | asked, s |", "|---|---:|---:|---:|---:|"]
    for name, timing in medians.items():
        asked = f"{ASKED_S[name](bare):.1f}" if name in ASKED_S else ""
        beyond = f"{timing.wall_s - bare:+.1f}"
        lines.append(f"| {name} | {timing.wall_s:.1f} | {timing.cpu_s:.1f} | {beyond} | {asked} |".replace("nan", ""))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--config", default="demo")
    parser.add_argument("--set", action="append", default=[], dest="fields")
    arguments = parser.parse_args()
    options = ["--config", arguments.config, *(word for field in arguments.fields for word in ("--set", field))]
    root = load(arguments.config, dict(field.split("=", 1) for field in arguments.fields)).root
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    print(f"{describe_machine()}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        print(report([one_round(options, root, Path(folder)) for _ in range(arguments.rounds)]))


if __name__ == "__main__":
    main()
