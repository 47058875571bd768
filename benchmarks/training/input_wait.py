"""Measures how much longer a training step takes on real input than on the same tensors over and over.

Usage: .venv/bin/python -m benchmarks.training.input_wait [--pairs 4000] [--steps 20] [--rounds 5] [--batch 32]
       [--image b0] [--text mini] [--resize-px 154] [--crop-px 128] [--output benchmarks/output-input]

One learner takes steps on synthetic tensors, on pairs that stream from files, and on pairs kept in memory, in turn,
round after round; beside them, what the input costs alone. Pairs are JPEGs of photographs' spectrum and about 400
pixels (a sixteenth are PNGs). The vocabulary spells captions in letters, so that the longest of a batch of 32 has more
than 48 pieces, all 64 are computed, and no step of a round is traced anew. Prints Markdown.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.pairs.make import make
from benchmarks.pairs.plan import Corpus
from benchmarks.shared.checkout import OUTPUT
from benchmarks.shared.machine import describe_machine, load_quietly
from benchmarks.training.letters import spelling_tokenizer

ASKED = 1.05  # times the step on synthetic tensors
PAIRS_PER_FILE = 250
BEFORE_TIMED = 2  # steps, in which what another input fetched ahead has gone
ALONE = 60  # batches that the input alone is measured on


@dataclasses.dataclass
class Timed:
    """Of one input: seconds of each step with its wait, by round, and those waited."""

    steps_s: list[list[float]] = dataclasses.field(default_factory=list)
    waits_s: list[float] = dataclasses.field(default_factory=list)

    def medians(self) -> list[float]:
        return [statistics.median(of_round) for of_round in self.steps_s]


def take_steps(step_on: Any, batches: Iterator[Any], steps: int, timed: Timed) -> None:
    """Take `steps` steps as the training loop does, and a few before that are not timed."""
    seconds = []
    for number in range(-BEFORE_TIMED, steps):
        began = time.perf_counter()
        batch = next(batches)
        waited = time.perf_counter() - began
        float(step_on(batch)["loss"])
        if number >= 0:
            seconds.append(time.perf_counter() - began)
            timed.waits_s.append(waited)
    timed.steps_s.append(seconds)


def cost_alone(batches: Iterator[Any], pairs: int) -> tuple[float, float]:
    """Returns (pairs a second, CPU milliseconds a pair) of an input without training."""
    next(batches)
    began, began_cpu = time.perf_counter(), time.process_time()
    for _ in range(ALONE):
        next(batches)
    number = ALONE * pairs
    return number / (time.perf_counter() - began), 1e3 * (time.process_time() - began_cpu) / number


def report(measured: dict[str, Timed], alone: dict[str, tuple[float, float]], batch: int) -> str:
    """Returns the table."""
    synthetic = measured["synthetic"].medians()
    lines = [
        "| input | step, ms, median of each round | pairs/s | to synthetic, each round | median | asked | waited |"
        " alone, pairs/s | alone, CPU ms a pair |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for name, timed in measured.items():
        medians = timed.medians()
        ratios = [own / base for own, base in zip(medians, synthetic, strict=True)]
        waited = sum(timed.waits_s) / sum(map(sum, timed.steps_s))
        cost = "{:.0f} | {:.2f}".format(*alone[name]) if name in alone else " | "
        lines.append(
            f"| {name} | {', '.join(f'{1e3 * s:.0f}' for s in medians)} | {batch / statistics.median(medians):.1f} | "
            f"{', '.join(f'{ratio:.3f}' for ratio in ratios)} | {statistics.median(ratios):.3f} | "
            f"{'' if name == 'synthetic' else ASKED} | {waited:.1%} | {cost} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=20, help="timed steps on each input, each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--image", default="b0")
    parser.add_argument("--text", default="mini")
    parser.add_argument("--resize-px", type=int, default=154)
    parser.add_argument("--crop-px", type=int, default=128)
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-input")
    arguments = parser.parse_args()
    folder = arguments.output.resolve() / f"examples-{arguments.pairs}"
    make(folder, Corpus(pairs=arguments.pairs), "examples", "photos", PAIRS_PER_FILE)
    print(f"{describe_machine()}\n", flush=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    load_quietly()
    import tensorflow as tf

    from models.config import ModelConfig
    from models.records.input_pipeline import training_batches
    from models.trainer import build_learner
    from models.training.loop import compile_step
    from models.training.strategies import distribute
    from models.training_config import TrainingConfig

    model = ModelConfig(
        image=arguments.image,
        text=arguments.text,
        image_resize_px=arguments.resize_px,
        image_crop_px=arguments.crop_px,
    )
    training = TrainingConfig(batch=arguments.batch, optimizer="adamw", learning_rate=1e-4, shuffle_buffer=2000)
    files = str(folder / "Split-train" / "*")
    tokenizer = spelling_tokenizer(model.text_max_pieces)

    strategy = tf.distribute.get_strategy()

    def batches(kept_images_gib: float) -> Iterator[Any]:
        kept = dataclasses.replace(training, kept_images_gib=kept_images_gib)
        stream = training_batches([files], model, kept, tokenizer)
        return distribute(strategy, lambda worker, workers: stream)

    inputs = {"streamed": batches(0.0), "kept in memory": batches(1024.0)}
    one = tuple({name: tf.identity(values) for name, values in part.items()} for part in next(inputs["streamed"]))
    inputs = {"synthetic": itertools.repeat(one), **inputs}
    alone = {name: cost_alone(inputs[name], arguments.batch) for name in ("streamed", "kept in memory")}

    step_on = compile_step(build_learner(strategy, model, training, tokenizer.size, ""), strategy)
    measured = {name: Timed() for name in inputs}
    for name in inputs:
        take_steps(step_on, inputs[name], 1, Timed())  # traces, and warms what the first step would pay for
    for _ in range(arguments.rounds):
        for name, timed in measured.items():
            take_steps(step_on, inputs[name], arguments.steps, timed)
    towers = f"EfficientNet-{arguments.image.upper()} + BERT-{arguments.text}"
    print(
        f"{towers}, {arguments.crop_px} px of {arguments.resize_px}, batch {arguments.batch}, {arguments.pairs} pairs, "
        f"{arguments.steps} steps a round\n"
    )
    print(report(measured, alone, arguments.batch))


if __name__ == "__main__":
    main()
