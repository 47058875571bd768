"""Says where a training step's time goes on this CPU: the time of TensorFlow's operations, by what they do.

Usage: .venv/bin/python -m benchmarks.training.step_profile [--size b0] [--text mini] [--px 128] [--batch 32]
       [--pieces 64] [--steps 5]

Times are added over threads, so that on two busy cores they come to twice the step. Reads TensorFlow 2.16's trace.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.shared.machine import describe_machine, load_quietly
from benchmarks.training.step import VOCABULARY
from models.sizes import BERTS, EFFICIENTNETS

KINDS = {
    "depth-wise convolutions, filter gradient": ("DepthwiseConv2dNativeBackpropFilter", "Pad"),
    "depth-wise convolutions, forward and input gradient": ("DepthwiseConv2dNative",),
    "batch norm, gradient": ("FusedBatchNormGrad",),
    "batch norm, forward": ("FusedBatchNorm",),
    "dense and 1x1 products": ("MatMul", "Conv2D"),
    "compiled by XLA: activations, normalising": ("Start",),  # of an asynchronous kernel, as XLA's are
    "SiLU, forward": ("Swish",),
    "AdamW": ("ResourceApplyAdam", "L2Loss", "MulNoNan"),
    "dropout": ("StatelessRandom", "Select", "GreaterEqual"),
    "sums and means": ("Sum", "Mean"),
    "other elementwise": ("Mul", "Add", "Sub", "Square", "Erf", "Exp", "Sqrt", "UnaryOps", "RealDiv", "Sigmoid"),
    "copies": ("Transpose", "Concat", "Slice", "Tile", "Copy", "Gather", "Cast", "Assign", "ReadVariable"),
}
OTHER = "the rest"
NOT_OPERATIONS = {"Process", "Run", "Done", "FunctionRun"}  # of the executor itself


def kind_of(operation: str) -> str:
    """Returns which of KINDS an operation's type is; the first that names a part of it."""
    return next((kind for kind, parts in KINDS.items() if any(part in operation for part in parts)), OTHER)


def times(trace: Path) -> Counter[str]:
    """Returns milliseconds of each kind in a trace, over all threads."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(trace.read_bytes())
    found: Counter[str] = Counter()
    for plane in space.planes:
        if "CPU" not in plane.name:
            continue
        for line in plane.lines:
            for event in line.events:
                name, _, operation = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if name and operation.isidentifier() and operation not in NOT_OPERATIONS:
                    found[kind_of(operation)] += event.duration_ps / 1e9
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="b0", choices=list(EFFICIENTNETS))
    parser.add_argument("--text", default="mini", choices=list(BERTS))
    parser.add_argument("--px", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pieces", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()
    print(describe_machine())
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    load_quietly()
    import tensorflow as tf

    from models.config import ModelConfig
    from models.trainer import build_learner
    from models.training.loop import compile_step
    from models.training_config import TrainingConfig

    model = ModelConfig(
        image=arguments.size,
        text=arguments.text,
        image_resize_px=arguments.px,
        image_crop_px=arguments.px,
        text_max_pieces=arguments.pieces,
        embedding=EFFICIENTNETS[arguments.size].features,
    )
    training = TrainingConfig(batch=arguments.batch, optimizer="adamw", learning_rate=1e-4)
    strategy = tf.distribute.get_strategy()
    step = compile_step(build_learner(strategy, model, training, VOCABULARY, ""), strategy)
    side = arguments.px
    batch = {
        "image": tf.cast(tf.random.uniform([arguments.batch, side, side, 3], 0, 256, tf.int32), tf.uint8),
        "token_ids": tf.random.uniform([arguments.batch, arguments.pieces], 5, VOCABULARY, tf.int32),
    }

    def take_steps() -> float:
        began = time.perf_counter()
        for _ in range(arguments.steps):
            float(step((batch,))["loss"])
        return (time.perf_counter() - began) * 1e3 / arguments.steps

    take_steps()
    wall_ms = take_steps()
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            take_steps()
        found = times(next(Path(folder).rglob("*.xplane.pb")))
    total = sum(found.values())
    towers = f"EfficientNet-{arguments.size.upper()} + BERT-{arguments.text}"
    print(f"\n{towers}, {side} px, batch {arguments.batch}, {arguments.pieces} pieces: {wall_ms:.0f} ms a step\n")
    print("| operations | ms a step, all threads | share |\n|---|---:|---:|")
    for kind, milliseconds in found.most_common():
        print(f"| {kind} | {milliseconds / arguments.steps:.0f} | {milliseconds / total:.0%} |")


if __name__ == "__main__":
    main()
