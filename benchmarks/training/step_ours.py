"""Our side of step.py: the training loop's own step on batches that the input pipeline could have made.

Started by step.py, with a job as JSON.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable

from benchmarks.shared.in_turn import serve
from benchmarks.shared.machine import load_quietly

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
load_quietly()

import numpy as np  # noqa: E402 - after TensorFlow was loaded without its words
import tensorflow as tf  # noqa: E402

from models.config import ModelConfig  # noqa: E402
from models.texts.trim import trim  # noqa: E402
from models.trainer import build_learner  # noqa: E402
from models.training.loop import compile_step  # noqa: E402
from models.training_config import TrainingConfig  # noqa: E402

PRECISIONS = {
    "float32": {},
    "bfloat16 texts": {"text_precision": "bfloat16"},
    "bfloat16": {"image_precision": "bfloat16", "text_precision": "bfloat16"},
}


def batches(job: dict) -> dict[str, dict[str, tf.Tensor]]:
    """Returns a batch whose texts use all their pieces, and one of captions."""
    chance = np.random.default_rng(0)
    batch, pieces = job["batch"], job["pieces"]
    image = tf.constant(chance.integers(0, 256, (batch, job["px"], job["px"], 3), dtype=np.uint8))
    whole = chance.integers(5, job["vocabulary"], (batch, pieces), dtype=np.int32)
    shortest, longest = job["caption_pieces"]
    lengths = chance.integers(shortest, longest + 1, (batch, 1))
    captions = np.where(np.arange(pieces) < lengths, whole, 0)
    return {
        "64 pieces": {"image": image, "token_ids": tf.constant(whole)},
        "captions": {"image": image, "token_ids": trim(tf.constant(captions))},
    }


def main() -> None:
    job = json.loads(sys.argv[1])
    tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(job["threads"])
    model = ModelConfig(
        image=job["size"],
        text=job["text"],
        image_resize_px=job["px"],
        image_crop_px=job["px"],
        text_max_pieces=job["pieces"],
        embedding=job["features"],
    )
    strategy = tf.distribute.get_strategy()
    calls: dict[str, Callable[[], None]] = {}
    weights = set()
    for precision, fields in PRECISIONS.items():
        training = TrainingConfig(
            batch=job["batch"],
            optimizer="adamw",
            steps=1_000_000,
            warmup_steps=0,
            learning_rate=job["learning_rate"],
            weight_decay=job["weight_decay"],
            **fields,
        )
        learner = build_learner(strategy, model, training, job["vocabulary"], "")
        weights.add(sum(w.shape.num_elements() for w in learner.trainable_variables))
        step = compile_step(learner, strategy)
        for texts, batch in batches(job).items():

            def call(step: Callable = step, batch: dict = batch) -> None:
                for _ in range(job["steps"]):
                    measures = step((batch,))
                if not math.isfinite(float(measures["loss"])):  # which waits for the step
                    raise FloatingPointError("the loss is not finite; the figures would mean nothing")

            calls[f"ours, {precision}, {texts}"] = call
    serve(calls, {"weights": weights.pop()})


if __name__ == "__main__":
    main()
