"""Measures how the filter's time and memory grow with the captions: ten times as many, whose images are stand-ins.

Usage: python benchmarks/filter_scale.py [--captions 100000 1000000] [--output benchmarks/output-filter]

Each file holds the same number of pairs, whatever there are in all, so that a worker's memory depends on its files
alone. Prints Markdown. Under Beam's DirectRunner one process launches the job and holds what is shuffled between the
workers, which a cluster's engine keeps on disks: it is shown by itself.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

from filter_exactness import config_for
from filter_run import MODES, FilterJob, FilterRun, read_report, run_filter
from machine import describe_machine
from make_pairs import make
from pairs.plan import BLOCK, Corpus

ASKED_TIME, ASKED_MEMORY = 12.0, 1.5  # times the time and the memory of a worker, for ten times the captions
MAX_CAPTIONS = 9  # of a plain pair
CAPTIONS_A_PAIR = 4.1  # of all pairs
PAIRS_PER_FILE = 2500
MIN_PLACES = 10_000  # of frequent n-grams: with fewer, a small corpus would be left nothing
MODE = "multi_processing"
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Size:
    """One size of corpus: what is in it, and what the filter took."""

    pairs: int
    captions: int
    kept: int
    run: FilterRun


def measure(captions: int, output: Path) -> Size:
    """Make about so many captions and filter them, half as many n-grams taken for frequent."""
    corpus = Corpus(pairs=max(BLOCK, round(captions / CAPTIONS_A_PAIR)), max_captions=MAX_CAPTIONS)
    folder, scratch = output / f"scale-{captions}", output / "scale-run"
    manifest = make(folder, corpus, "examples", "stand-ins", PAIRS_PER_FILE)
    shutil.rmtree(scratch, ignore_errors=True)
    config = config_for(corpus.pairs, max(captions // 2, MIN_PLACES))
    run = run_filter(FilterJob(str(folder), str(scratch), config.to_json(), MODES[MODE]))
    kept = read_report(scratch)["train", "captions", "kept"]
    shutil.rmtree(scratch)
    return Size(sum(manifest["pairs"].values()), sum(manifest["captions"].values()), kept, run)


def report(sizes: list[Size], start: Size) -> str:
    """Returns the table, and the ratios of the last size to the first."""
    lines = [
        "| captions | images | kept | s | s without start | worker MiB | launcher MiB | CPU s |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size in (start, *sizes):
        peaks = size.run.peaks
        lines.append(
            f"| {size.captions} | {size.pairs} | {size.kept} | {size.run.run_s:.1f} | {_net(size, start):.1f} | "
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


def _net(size: Size, start: Size) -> float:
    return size.run.run_s - start.run.run_s if size is not start else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--start", type=int, default=1000, help="captions that the time of starting is measured on")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output-filter")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    print(f"{describe_machine()}\n", flush=True)
    start, *sizes = [measure(captions, output) for captions in (arguments.start, *arguments.captions)]
    print(report(sizes, start))


if __name__ == "__main__":
    main()
