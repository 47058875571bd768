"""Measures how long `align eval --suite demo` takes, to its first row and in all: nothing embedded yet, then all of it.

Usage: .venv/bin/python -m benchmarks.evaluation.demo_suite [--model LAST|DIR] [--rounds 3] [--config demo]

With LAST it needs a finished run of that config (`make demo`). Each round judges the model into a new folder, first
with no embeddings kept and then with those of the first time. What is printed are medians; CPU seconds are of the
command with its threads. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.shared.machine import describe_machine

ALIGN = Path(sys.executable).with_name("align")
FIRST_ROW_S, WARM_S = 15.0, 90.0  # what may be waited for
ROW = "retrieval"  # a word of the demo suite's first row


class Timing(NamedTuple):
    """Seconds by the clock to the first row and to the end, and of CPU time; how many rows there were."""

    first_row_s: float
    whole_s: float
    cpu_s: float
    rows: int


def judge(model: str, config: str, out: Path, embeddings: Path) -> Timing:
    """Judge a model by the demo suite as a user does, reading what is printed as it comes."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    first_row = float("nan")
    words = ["eval", "--model", model, "--config", config, "--suite", "demo", "--out", out, "--embeddings", embeddings]
    printed = []
    with subprocess.Popen([ALIGN, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            printed.append(line)
            if ROW in line and first_row != first_row:
                first_row = time.perf_counter() - start
    whole = time.perf_counter() - start
    if child.returncode:
        raise SystemExit(f"align eval ended with status {child.returncode}:\n{''.join(printed)}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rows = len(json.loads((out / "results.json").read_text(encoding="utf-8"))["rows"])
    return Timing(first_row, whole, cpu, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="LAST", help="as align eval takes it")
    parser.add_argument("--config", default="demo", help="whose newest pushed model LAST is")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    machine = describe_machine()
    found: dict[str, list[Timing]] = {"no embeddings kept": [], "all embeddings kept": []}
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for which, timings in found.items():
                out = folder / which.partition(" ")[0]
                timings.append(judge(arguments.model, arguments.config, out, folder / "embeddings"))
    print(f"{machine}, {arguments.rounds} rounds\n")
    print("| demo suite | first row | whole | CPU | rows |\n|---|---:|---:|---:|---:|")
    for which, timings in found.items():
        first, whole, cpu = (
            statistics.median(getattr(timing, name) for timing in timings)
            for name in ("first_row_s", "whole_s", "cpu_s")
        )
        print(f"| {which} | {first:.1f} s | {whole:.1f} s | {cpu:.1f} s | {timings[0].rows} |")
    print(f"\nAsked: the first row within {FIRST_ROW_S:g} s, the whole within {WARM_S:g} s where embeddings are kept.")


if __name__ == "__main__":
    main()
