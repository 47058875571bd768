"""Times R@1, R@5 and R@10 both ways beside clip-benchmark, in turn, with the peak memory of each process.

Usage: .venv/bin/python -m benchmarks.evaluation.retrieval_speed [--images 5000] [--alone]

Made embeddings, 5 captions an image. Each side is a process of its own that holds the embeddings and answers the same
question; clip-benchmark's evaluate is given them as a model's answers. The first run makes the peer's environment
(harnesses/environments.py). Recalls must be equal to the last digit that float32 holds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.evaluation import made_embeddings
from benchmarks.harnesses.environments import clip_benchmark_python
from benchmarks.shared.in_turn import Timing, Worker, time_in_turn
from benchmarks.shared.machine import describe_machine

CAPTIONS_PER_IMAGE = 5
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--dimension", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="one call, without the peer, which holds all similarities")
    options = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        made_embeddings.write(
            Path(folder), images=options.images, captions_per_image=CAPTIONS_PER_IMAGE, dimension=options.dimension
        )
        told = _measure(folder, options.rounds, alone=options.alone)
    print(f"{options.images} images, {options.images * CAPTIONS_PER_IMAGE} captions, {options.dimension} numbers")
    for name, (wall_s, cpu_s, peak, recalls) in told.items():
        shown = " ".join(f"{way} {100 * value:.2f}" for way, value in recalls.items())
        print(f"{name:15} {wall_s:8.2f} s  {cpu_s:8.2f} s CPU  {peak / MIB:6.0f} MiB  {shown}")
    if len(told) == 2:
        (ours, ours_cpu, ours_peak, here), (theirs, theirs_cpu, theirs_peak, there) = told.values()
        equal = all(np.float32(here[way]) == np.float32(there[way]) for way in here)
        print(
            f"{theirs / ours:.1f} times as fast ({theirs_cpu / ours_cpu:.1f} by CPU time) in 1 / "
            f"{theirs_peak / ours_peak:.1f} of the memory; recalls are {'equal' if equal else 'NOT equal'}"
        )
        sys.exit(0 if equal else 1)


def _measure(folder: str, rounds: int, *, alone: bool) -> dict[str, tuple[float, float, int, dict[str, float]]]:
    """Returns name -> wall clock and CPU time in seconds, peak memory in bytes, recalls."""
    commands = [[sys.executable, "-m", "benchmarks.evaluation.retrieval_speed_ours", folder]]
    if not alone:
        commands.append([str(clip_benchmark_python()), "-m", "benchmarks.evaluation.retrieval_speed_peer", folder])
    workers: list[Worker] = []
    try:
        workers += (Worker(command) for command in commands)
        timings = {"ours": Timing(*workers[0].about["first"])} if alone else time_in_turn(workers, rounds)
        about = {worker.calls[0]: worker.about for worker in workers}
    finally:
        for worker in workers:
            worker.__exit__()
    return {name: (*timings[name], about[name]["peak_bytes"], about[name]["recalls"]) for name in about}


if __name__ == "__main__":
    main()
