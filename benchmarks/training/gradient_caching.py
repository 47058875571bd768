"""Measures the peak memory of training by gradient caching: a batch of thousands beside a small one.

Usage: .venv/bin/python -m benchmarks.training.gradient_caching [--batches 256 4096] [--micro-batch 32] [--pairs 5000]
       [--image b0] [--text mini] [--resize-px 154] [--crop-px 128] [--output benchmarks/output-caching]

Each batch is trained on in a process of its own, as the Trainer does it: the real input pipeline, the real step, pairs
streamed from files, all batches alike in model, micro-batch and files. What a process holds before its first batch
(libraries, weights, the optimizer's moments) counts in its peak, and is shown beside it, as is the size of one batch's
images. Two steps or more are taken, so that one batch is made while another is trained on, and at least as many pairs
as STEPS and FEWEST_PAIRS say: fewer steps of a small batch could only lower the peak that others are held to.
Pairs are JPEGs of photographs' spectrum and about 400 pixels. Prints Markdown; ends with status 1 over the ratio asked.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.pairs.make import make
from benchmarks.pairs.plan import Corpus
from benchmarks.shared.checkout import OUTPUT, ROOT
from benchmarks.shared.machine import describe_machine, load_quietly
from benchmarks.training.letters import spelling_tokenizer

ASKED = 1.3  # times the peak of the first batch
MIB = 1 << 20
PAIRS_PER_FILE = 512
STEPS, FEWEST_PAIRS = 2, 2048  # of each batch


class Trained(NamedTuple):
    """What a process that trained says.

    Attributes:
      before_bytes: most resident memory until the first batch was asked for.
      peak_bytes: most resident memory in all.
      steps: taken.
      pairs_per_s: of all steps but the first, which traces.
      loss: of the last step.
    """

    before_bytes: int
    peak_bytes: int
    steps: int
    pairs_per_s: float
    loss: float


def train(job: dict) -> Trained:
    """Take `job["steps"]` steps in this process."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    load_quietly()
    import psutil
    import tensorflow as tf

    from benchmarks.shared.processes import peak_bytes
    from models.config import ModelConfig
    from models.records.input_pipeline import training_batches
    from models.trainer import build_learner
    from models.training.loop import compile_step
    from models.training.strategies import distribute
    from models.training_config import TrainingConfig

    model = ModelConfig(**job["model"])
    training = TrainingConfig(
        batch=job["batch"],
        micro_batch=job["micro_batch"],
        optimizer="adamw",
        learning_rate=1e-4,
        kept_images_gib=0.0,  # as with more images than memory holds
        shuffle_buffer=2000,
    )
    tokenizer = spelling_tokenizer(model.text_max_pieces)
    strategy = tf.distribute.get_strategy()
    step_on = compile_step(build_learner(strategy, model, training, tokenizer.size, ""), strategy)

    def make_batches(worker: int, workers: int) -> tf.data.Dataset:
        return training_batches([job["files"]], model, training, tokenizer)

    batches = distribute(strategy, make_batches, training.micro_batches(1))
    this = psutil.Process()
    before = peak_bytes(this)
    began = time.perf_counter()
    for step in range(job["steps"]):
        if step == 1:
            began = time.perf_counter()
        loss = float(step_on(next(batches))["loss"])
    timed = training.batch * (job["steps"] - 1)
    return Trained(before, peak_bytes(this), job["steps"], timed / (time.perf_counter() - began), loss)


def in_process_of_its_own(job: dict) -> Trained:
    """Returns what `train` found there."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.training.gradient_caching", "--train", json.dumps(job)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Trained(*json.loads(done.stdout.splitlines()[-1]))


def report(found: dict[int, Trained], crop_px: int) -> str:
    """Returns the table."""
    lines = [
        "| batch | peak, MiB | to the first | asked | before the first batch, MiB | images of a batch, MiB | steps |"
        " pairs/s |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    first = next(iter(found.values())).peak_bytes
    for batch, trained in found.items():
        lines.append(
            f"| {batch:,} | {trained.peak_bytes / MIB:,.0f} | {trained.peak_bytes / first:.2f} | at most {ASKED} | "
            f"{trained.before_bytes / MIB:,.0f} | {batch * crop_px**2 * 3 / MIB:,.0f} | {trained.steps} | "
            f"{trained.pairs_per_s:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 4096], help="others are held to the first")
    parser.add_argument("--micro-batch", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=5000, help="in the files, more than the largest batch")
    parser.add_argument("--image", default="b0")
    parser.add_argument("--text", default="mini")
    parser.add_argument("--resize-px", type=int, default=154)
    parser.add_argument("--crop-px", type=int, default=128)
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-caching")
    parser.add_argument("--train", type=json.loads, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        print(json.dumps(train(arguments.train)))
        return
    folder = arguments.output.resolve() / f"examples-{arguments.pairs}"
    make(folder, Corpus(pairs=arguments.pairs), "examples", "photos", PAIRS_PER_FILE)
    model = {
        "image": arguments.image,
        "text": arguments.text,
        "image_resize_px": arguments.resize_px,
        "image_crop_px": arguments.crop_px,
    }
    print(
        f"{describe_machine()}\n\nEfficientNet-{arguments.image.upper()} + BERT-{arguments.text}, "
        f"{arguments.crop_px} px of {arguments.resize_px}, micro-batch {arguments.micro_batch}, AdamW\n",
        flush=True,
    )
    found = {}
    for batch in arguments.batches:
        steps = max(STEPS, FEWEST_PAIRS // batch)
        job = {"model": model, "batch": batch, "micro_batch": arguments.micro_batch, "steps": steps}
        found[batch] = in_process_of_its_own({**job, "files": str(folder / "Split-train" / "*")})
    print(report(found, arguments.crop_px))
    if max(trained.peak_bytes for trained in found.values()) > ASKED * next(iter(found.values())).peak_bytes:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
