"""Measures how the filter's time and memory grow with the captions: ten times as many, whose images are stand-ins.

Usage: .venv/bin/python -m benchmarks.filter.scale [--captions 100000 1000000] [--output benchmarks/output-filter]

Each file holds the same number of pairs, whatever there are in all, so that a worker's memory depends on its files
alone. Prints Markdown. Under Beam's DirectRunner one process launches the job and holds what is shuffled between the
workers, which a cluster's engine keeps on disks: it is shown by itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.filter.exactness import config_for
from benchmarks.filter.stand_ins import MEBIBYTE, MIN_PLACES, Filtered, filter_stand_ins
from benchmarks.pairs.plan import BLOCK, Corpus
from benchmarks.shared.checkout import OUTPUT
from benchmarks.shared.machine import describe_machine

ASKED_TIME, ASKED_MEMORY = 12.0, 1.5  # times the time and the memory of a worker, for ten times the captions
MAX_CAPTIONS = 9  # of a plain pair
CAPTIONS_A_PAIR = 4.1  # of all pairs
PAIRS_PER_FILE = 2500


def measure(captions: int, output: Path) -> Filtered:
    """Make about so many captions and filter them, half as many n-grams taken for frequent."""
    corpus = Corpus(pairs=max(BLOCK, round(captions / CAPTIONS_A_PAIR)), max_captions=MAX_CAPTIONS)
    config = config_for(corpus.pairs, max(captions // 2, MIN_PLACES))
    return filter_stand_ins(corpus, PAIRS_PER_FILE, config, f"scale-{captions}", output)


def report(sizes: list[Filtered], start: Filtered) -> str:
    """Returns the table, and the ratios of the last size to the first."""
    lines = [
        "| captions | images | kept | s | s without start | worker MiB | launcher MiB | CPU s |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size in (start, *sizes):
        peaks, kept = size.run.peaks, size.counts["train", "captions", "kept"]
        lines.append(
            f"| {size.captions} | {size.pairs} | {kept} | {size.run.run_s:.1f} | {_net(size, start):.1f} | "
            f"{peaks.worker_bytes / MEBIBYTE:.0f} | {peaks.main_bytes / MEBIBYTE:.0f} | {peaks.cpu_s:.0f} |"
        )
    first, last = sizes[0], sizes[-1]
    times = last.captions / first.captions
    memory = last.run.peaks.worker_bytes / first.run.peaks.worker_bytes
    launcher = last.run.peaks.main_bytes / first.run.peaks.main_bytes
    return "\n".join(
        [
            *lines,
            "",
            f"| {times:.1f} times the captions | measured | asked for 10 times |",
            "|---|---:|---:|",
            f"| time | {last.run.run_s / first.run.run_s:.2f} | {ASKED_TIME:.1f} |",
            f"| time without start | {_net(last, start) / _net(first, start):.2f} | {ASKED_TIME:.1f} |",
            f"| peak memory of a worker | {memory:.2f} | {ASKED_MEMORY:.1f} |",
            f"| peak memory of the process that launches and shuffles | {launcher:.2f} | |",
        ]
    )


def _net(size: Filtered, start: Filtered) -> float:
    return size.run.run_s - start.run.run_s if size is not start else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--start", type=int, default=1000, help="captions that the time of starting is measured on")
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-filter")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    print(f"{describe_machine()}\n", flush=True)
    start, *sizes = [measure(captions, output) for captions in (arguments.start, *arguments.captions)]
    print(report(sizes, start))


if __name__ == "__main__":
    main()
