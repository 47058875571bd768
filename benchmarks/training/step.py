"""Measures a whole training step beside Hugging Face's AlignModel in PyTorch, on this CPU.

Usage: .venv/bin/python -m benchmarks.training.step [--sizes b0 b3] [--px 128] [--batch 32] [--rounds 9] [--compile]

The first run makes the peer's environment (shared/torch_environment.py).

Both sides have the same number of threads, weights of the same shapes and the same loss, in training mode with
dropout, and step with AdamW; each precision is compared with the peer's best form of it. They are timed in turn, a few
steps at a time, with all 64 pieces of each text in use, and with captions of 5 to 20 pieces. Those the input pipeline
trims to one of few lengths; the peer is given them padded to the batch's longest, as its tokenizer does at best.
"""

from __future__ import annotations

import argparse
import json
import os
import sys

from benchmarks.shared.in_turn import Timing, Worker, time_in_turn
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.torch_environment import torch_python
from models.sizes import BERTS, EFFICIENTNETS

PIECES = 64
CAPTION_PIECES = (5, 20)  # of real captions, [CLS] and [SEP] included
VOCABULARY = 30_522  # BERT's
GOAL = 1.6


def measure(size: str, arguments: argparse.Namespace) -> None:
    """Time one size of image tower with BERT-mini and print its table."""
    image, text = EFFICIENTNETS[size], BERTS[arguments.text]
    job = {
        "size": size,
        "width_coefficient": image.width_coefficient,
        "depth_coefficient": image.depth_coefficient,
        "text": arguments.text,
        **vars(text),
        "features": image.features,
        "vocabulary": VOCABULARY,
        "pieces": PIECES,
        "caption_pieces": CAPTION_PIECES,
        "px": arguments.px,
        "batch": arguments.batch,
        "steps": arguments.steps,
        "learning_rate": 1e-4,
        "weight_decay": 1e-5,
        "threads": arguments.threads,
        "compile": arguments.compile,
    }
    here = [sys.executable, "-m", "benchmarks.training.step_ours", json.dumps(job)]
    there = [str(torch_python()), "-m", "benchmarks.training.step_peer", json.dumps(job)]
    with Worker(here) as ours, Worker(there) as peer:
        timings = time_in_turn([ours, peer], arguments.rounds)
        if ours.about["weights"] != peer.about["weights"]:
            raise RuntimeError(
                f"the models differ: {ours.about['weights']} weights here, {peer.about['weights']} there"
            )
    pairs = job["batch"] * job["steps"]
    print(
        f"\nEfficientNet-{size.upper()} + BERT-{arguments.text}, {arguments.px} px, batch {arguments.batch}, "
        f"{arguments.threads} threads, {ours.about['weights'] / 1e6:.1f} M weights; "
        f"torch {peer.about['torch']}, transformers {peer.about['transformers']}"
    )
    print(f"{'':56}{'pairs/s':>8} {'per CPU s':>10}")
    for call, timing in timings.items():
        print(f"{call:56}{pairs / timing.wall_s:8.1f} {pairs / timing.cpu_s:10.1f}")
    for texts in ("64 pieces", "captions"):
        for precision in ("float32", "bfloat16"):
            own, best = (_best(timings, side, precision, texts) for side in ("ours", "PyTorch"))
            ratio = timings[best].wall_s / timings[own].wall_s
            print(f"{own} / {best}: {ratio:.2f} (asked: {GOAL})")


def _best(timings: dict[str, Timing], side: str, precision: str, texts: str) -> str:
    """Returns the fastest call of one side, precision and length of texts."""
    calls = [call for call in timings if call.startswith(side) and precision in call and call.endswith(texts)]
    return min(calls, key=lambda call: timings[call].wall_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["b0", "b3"], choices=list(EFFICIENTNETS))
    parser.add_argument("--text", default="mini", choices=list(BERTS))
    parser.add_argument("--px", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=2, help="in each call that is timed")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--compile", action="store_true", help="torch.compile as well, which takes minutes")
    arguments = parser.parse_args()
    print(describe_machine())
    for size in arguments.sizes:
        measure(size, arguments)


if __name__ == "__main__":
    main()
