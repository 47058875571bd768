"""Measures the sharded Evaluator on made embeddings: its numbers beside the NumPy core's, its time, a worker's memory.

Usage: .venv/bin/python -m benchmarks.evaluation.beam_evaluator [--images 50000] [--captions-each 5] [--dimensions 128]
       [--files 20] [--workers 2] [--ways core sharded] [--output benchmarks/output-evaluation]

Each way runs in a process of its own: `core` has all embeddings in memory, `sharded` is the executor with its Beam
job, `sharded-slices` the same with all slices, `tfma` the stock Evaluator. Under Beam's DirectRunner one process
launches the job and holds what travels between the workers; with one worker that is this process too. Prints
Markdown, and ends with status 1 where a way's recalls are not the first one's to the last digit.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.evaluation.made_examples import Size, save_model, write_examples
from benchmarks.shared.checkout import OUTPUT, ROOT
from benchmarks.shared.machine import describe_machine, load_quietly
from benchmarks.shared.processes import Peaks, watch

ASKED_BYTES = 1.5 * 2**30  # of a worker
MEBIBYTE = 2**20
WAYS = ("core", "sharded", "sharded-slices", "tfma")


class Judged(NamedTuple):
    """What a way gave."""

    way: str
    numbers: dict[str, float]
    seconds: float
    peaks: Peaks


def make(size: Size, output: Path) -> Path:
    """Returns the folder with Examples and model of a size, made unless it is there."""
    folder = output / "-".join(map(str, size))
    if not (folder / "size.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        load_quietly()
        write_examples(size, folder / "examples")
        save_model(size.dimensions, folder / "model" / "Format-Serving")
        (folder / "size.json").write_text(json.dumps(size._asdict()))
    return folder


def judge(way: str, folder: Path, workers: int) -> Judged:
    """Run a way in a process of its own."""
    output = folder / "judged" / way
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    command = [sys.executable, "-m", "benchmarks.evaluation.judge_made", way, str(folder), str(output), str(workers)]
    started = time.monotonic()
    with (output / "log.txt").open("w") as log, subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process:
        peaks = watch(process)
    if process.returncode:
        raise SystemExit(f"{way} ended with status {process.returncode}; {output / 'log.txt'} says why")
    numbers = json.loads((output / "numbers.json").read_text())
    return Judged(way, numbers, time.monotonic() - started, peaks)


def report(size: Size, judged: list[Judged]) -> str:
    """Returns the table of all ways."""
    lines = [
        f"{size.images:,} images x {size.images * size.captions_each:,} captions x {size.dimensions}",
        "",
        "| way | s | CPU s | launcher MiB | worker MiB | i2t R@1, 5, 10 | t2i R@1, 5, 10 |",
        "|---|---:|---:|---:|---:|---|---|",
    ]
    for one in judged:
        recalls = (
            ", ".join(f"{one.numbers[f'{way}_recall_at_{k}']:.6f}" for k in (1, 5, 10)) for way in ("i2t", "t2i")
        )
        worker = f"{one.peaks.worker_bytes / MEBIBYTE:.0f}" if one.peaks.worker_bytes else ""
        lines.append(
            f"| {one.way} | {one.seconds:.0f} | {one.peaks.cpu_s:.0f} | {one.peaks.main_bytes / MEBIBYTE:.0f} | "
            f"{worker} | {' | '.join(recalls)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--captions-each", type=int, default=5)
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["core", "sharded"])
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-evaluation")
    arguments = parser.parse_args()
    size = Size(arguments.images, arguments.captions_each, arguments.dimensions, arguments.files)
    print(f"{describe_machine()}\n", flush=True)
    folder = make(size, arguments.output.resolve())
    judged = [judge(way, folder, arguments.workers) for way in arguments.ways]
    print(report(size, judged))
    first = judged[0].numbers
    names = [name for name in first if "_recall_at_" in name]
    unlike = [one.way for one in judged if any(one.numbers[name] != first[name] for name in names)]
    most = max(
        (one.peaks.worker_bytes or one.peaks.main_bytes for one in judged if one.way.startswith("sharded")), default=0
    )
    print(f"\nrecalls unlike those of {judged[0].way}: {', '.join(unlike) or 'none'}")
    print(f"worker: {most / 2**30:.2f} GiB, asked under {ASKED_BYTES / 2**30:.1f}")
    sys.exit(bool(unlike))


if __name__ == "__main__":
    main()
