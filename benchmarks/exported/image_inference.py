"""Measures how fast the exported model embeds images, beside Hugging Face's AlignModel in PyTorch, on this CPU.

Usage: .venv/bin/python -m benchmarks.exported.image_inference [--sizes b0 b3] [--px 128] [--batch 32] [--compile]

The first run makes the peer's environment (shared/torch_environment.py).

Both sides have the same number of threads and weights of the same shapes, in float32 unless a line says otherwise, and
are timed in turn, a few batches at a time. The peer is given tensors, so the ratio is that of tensors; what decoding
and resizing JPEGs of twice the side adds is a line of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from benchmarks.shared.in_turn import Timing, Worker, time_in_turn
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.torch_environment import torch_python
from models.sizes import EFFICIENTNETS
from serving.precision import precision_here

OURS = "ours, exported, from tensors"
OURS_BFLOAT16 = "ours, exported in bfloat16, from tensors"
PEER = "PyTorch, channels last"
GOAL = 1.2


def measure(size: str, arguments: argparse.Namespace) -> None:
    """Time one size of image tower and print its table."""
    coefficients = EFFICIENTNETS[size]
    job = {
        "size": size,
        "width_coefficient": coefficients.width_coefficient,
        "depth_coefficient": coefficients.depth_coefficient,
        "px": arguments.px,
        "batch": arguments.batch,
        "batches": max(1, 64 // arguments.batch),
        "threads": arguments.threads,
        "compile": arguments.compile,
    }
    here = [sys.executable, "-m", "benchmarks.exported.image_inference_ours", json.dumps(job)]
    there = [str(torch_python()), "-m", "benchmarks.exported.image_inference_peer", json.dumps(job)]
    with Worker(here) as ours, Worker(there) as peer:
        timings = time_in_turn([ours, peer], arguments.rounds)
        if ours.about["weights"] != peer.about["weights"]:
            raise RuntimeError(
                f"the towers differ: {ours.about['weights']} weights here, {peer.about['weights']} there"
            )
    images = job["batch"] * job["batches"]
    print(
        f"\nEfficientNet-{size.upper()}, {arguments.px} px, batch {arguments.batch}, {arguments.threads} threads, ",
        end="",
    )
    print(f"{ours.about['weights'] / 1e6:.1f} M weights; SavedModel of {ours.about['saved_mb']} MB; ", end="")
    print(f"torch {peer.about['torch']}, transformers {peer.about['transformers']}")
    print(f"{'':40}{'images/s':>9} {'per CPU s':>10}")
    for call, timing in timings.items():
        print(f"{call:40}{images / timing.wall_s:9.0f} {images / timing.cpu_s:10.0f}")
    print(f"ours, exported / {PEER}: {_ratio(timings, PEER):.2f} (asked: {GOAL})")
    best = min((call for call in timings if call.startswith("PyTorch")), key=lambda call: timings[call].wall_s)
    print(f"ours, exported / {best}, its best: {_ratio(timings, best):.2f}")
    print(f"ours, exported in bfloat16 / {best}: {_ratio(timings, best, OURS_BFLOAT16):.2f} (asked: {GOAL}; ", end="")
    print(f"{precision_here()} is what this CPU is fast in)")


def _ratio(timings: dict[str, Timing], peer: str, ours: str = OURS) -> float:
    return timings[peer].wall_s / timings[ours].wall_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["b0", "b3"], choices=list(EFFICIENTNETS))
    parser.add_argument("--px", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--compile", action="store_true", help="torch.compile as well, which takes minutes")
    arguments = parser.parse_args()
    print(describe_machine())
    for size in arguments.sizes:
        measure(size, arguments)


if __name__ == "__main__":
    main()
