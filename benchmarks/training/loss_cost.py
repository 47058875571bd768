"""Measures what the loss costs beside a training step: its floating-point operations, and its peak memory as G grows.

Usage: .venv/bin/python -m benchmarks.training.loss_cost [--rows 16] [--batches 4096 8192 16384 32768]
       [--one-device 4096 8192 16384]

Operations are counted on the graphs of forward and backward pass by TensorFlow's profiler, of the loss and of a step of
EfficientNet-B7 and BERT base at 289 px and 64 pieces that is built and traced but not run. Memory is the greatest that
a process of its own has resident while it computes loss and gradient, less what it had before, embeddings included.
Prints Markdown. Linux alone tells a process's peak anew.

Legend: B rows of a replica, G global batch, D embedding dimension.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil

from benchmarks.shared.checkout import ROOT
from benchmarks.shared.machine import describe_machine, load_quietly
from benchmarks.shared.processes import peak_bytes

EMBEDDING, BATCH = 640, 16384  # D and G of ALIGN section 5, arXiv:2102.05918
VOCABULARY = 30_522
ASKED_SHARE = 0.05
LOSSES = ("softmax", "multi_positive", "sigmoid")
MEBIBYTE, GIGA = 1 << 20, 1e9
# Products that the profiler has no count for: what is said of the step is too little, of the share too much.
UNCOUNTED = ("BatchMatMulV2", "Einsum", "DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter")


def loss_step(loss: str, rows: int, batch: int, width: int = EMBEDDING):
    """Returns a traced function: nothing -> loss and gradients of rows' embeddings, all embeddings, temperature."""
    import tensorflow as tf

    from models.losses.objective import Embedded, build_objective
    from models.training_config import TrainingConfig

    objective = build_objective(TrainingConfig(loss=loss, batch=batch), batch)
    everyone = [tf.math.l2_normalize(tf.random.normal((batch, width)), axis=1) for _ in range(2)]
    ids = [tf.reshape(tf.range(2 * batch), (batch, 2)) for _ in range(2)]

    @tf.function
    def step(images, texts, image_ids, caption_ids, temperature):
        with tf.GradientTape() as tape:
            own = Embedded(*(side[:rows] for side in (images, texts, image_ids, caption_ids)))
            inputs = [own.images, own.texts, images, texts, temperature]
            tape.watch(inputs)
            # On one device the rows are the batch: their gradient comes through both.
            whole = Embedded(images, texts, image_ids, caption_ids)
            value = objective(own, whole, tf.constant(0), temperature).loss
        return value, tape.gradient(value, [*inputs, *objective.trainable_variables])

    return step.get_concrete_function(*everyone, *ids, tf.constant(0.1)), [*everyone, *ids, tf.constant(0.1)]


def operations(graph) -> int:
    """Returns the floating-point operations of one run of a graph without loops, where the profiler knows them."""
    import tensorflow as tf

    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    return tf.compat.v1.profiler.profile(graph, options=options).total_float_ops


def towers_graph(rows: int):
    """Returns the graph of both towers' forward and backward pass over so many pairs."""
    import tensorflow as tf

    from models.config import ModelConfig
    from models.towers.dual_encoder import build_dual_encoder
    from models.training_config import TrainingConfig

    model = ModelConfig(image="b7", text="base", image_crop_px=289, embedding=EMBEDDING)
    encoder = build_dual_encoder(model, TrainingConfig(), VOCABULARY)

    @tf.function
    def step(images, token_ids):
        with tf.GradientTape() as tape:
            vectors = encoder({"image": images, "token_ids": token_ids}, training=True)
            total = tf.reduce_sum(vectors["image"]) + tf.reduce_sum(vectors["text"])
        return tape.gradient(total, encoder.trainable_variables)

    size = model.image_crop_px
    return step.get_concrete_function(
        tf.TensorSpec((rows, size, size, 3)), tf.TensorSpec((rows, model.text_max_pieces), tf.int32)
    ).graph


def report_operations(rows: int) -> list[str]:
    """Returns the table of operations."""
    graph = towers_graph(rows)
    towers = operations(graph)
    kinds = Counter(op.type for op in graph.get_operations())
    left_out = ", ".join(f"{kinds[kind]} {kind}" for kind in UNCOUNTED if kinds[kind])
    lines = [
        f"Both towers of B7 + base, {rows} pairs at 289 px and 64 pieces, forward and backward: {towers / GIGA:.0f} "
        f"GFLOP, without what the profiler has no count for ({left_out}).",
        "",
        f"| loss, B = {rows}, G = {BATCH}, D = {EMBEDDING} | products by formula, GFLOP | all by profiler, GFLOP | "
        "share of the step |",
        "|---|---:|---:|---:|",
    ]
    for loss in LOSSES:
        products = 4 if loss == "sigmoid" else 6  # of 2 B G D each: logits, and by queries and candidates; a direction
        counted = operations(loss_step(loss, rows, BATCH)[0].graph)
        lines.append(
            f"| {loss} | {products * 2 * rows * BATCH * EMBEDDING / GIGA:.2f} | {counted / GIGA:.2f} | "
            f"{counted / (counted + towers):.2%} (asked: under {ASKED_SHARE:.0%}) |"
        )
    return lines


def peak(loss: str, rows: int, batch: int) -> int:
    """Returns the bytes that embeddings, loss and gradient take at their peak, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training.loss_cost", "--child", loss, str(rows), str(batch)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def print_peak(loss: str, rows: int, batch: int) -> None:
    """Measure this process, which has run a batch of another size before so that all is loaded."""
    load_quietly()
    small, inputs = loss_step(loss, min(rows, 64), 64)
    small(*inputs)
    process = psutil.Process()
    before = process.memory_info().rss
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is what is resident now
    step, inputs = loss_step(loss, rows, batch)
    step(*inputs)
    print(json.dumps(peak_bytes(process) - before))


def report_memory(title: str, sizes: list[tuple[int, int]]) -> list[str]:
    """Returns the table of peaks of (B, G)."""
    lines = [
        f"| {title} | embeddings, MiB | a B x G matrix, MiB | " + " | ".join(f"{loss}, MiB" for loss in LOSSES) + " |",
        "|---|---:|---:|" + "---:|" * len(LOSSES),
    ]
    for rows, batch in sizes:
        found = " | ".join(f"{peak(loss, rows, batch) / MEBIBYTE:.0f}" for loss in LOSSES)
        given = 2 * batch * EMBEDDING * 4 / MEBIBYTE
        lines.append(f"| B = {rows}, G = {batch} | {given:.0f} | {rows * batch * 4 / MEBIBYTE:.0f} | {found} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--batches", type=int, nargs="*", default=[4096, 8192, 16384, 32768])
    parser.add_argument("--one-device", type=int, nargs="*", default=[4096, 8192, 16384])
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        loss, rows, batch = arguments.child
        return print_peak(loss, int(rows), int(batch))
    print(f"{describe_machine()}\n", flush=True)
    print("\n".join(report_memory("one replica of many", [(arguments.rows, g) for g in arguments.batches])), flush=True)
    print("\n" + "\n".join(report_memory("one device of all", [(g, g) for g in arguments.one_device])), flush=True)
    load_quietly()
    print("\n" + "\n".join(report_operations(arguments.rows)))
    return None


if __name__ == "__main__":
    main()
