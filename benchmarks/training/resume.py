"""Kills a training again and again, and holds its final weights to those of an undisturbed one, bit for bit.

Usage: .venv/bin/python -m benchmarks.training.resume [--kills 20] [--steps 1500] [--seed 0]

Small towers with dropout and batch norm on noise, one CPU device, a checkpoint every few steps; each kill is a SIGKILL
at a moment drawn at random once training runs, often in the middle of a checkpoint.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tensorflow as tf
from PIL import Image
from safetensors.numpy import load_file

from benchmarks.shared.checkout import ROOT
from components import schema
from models.saving.model_folder import WEIGHTS_FILE

IMAGES, BATCH, CHECKPOINT_STEPS = 64, 8, 3
WORDS = ("red", "green", "blue", "square", "circle", "large", "small", "old")
MAX_LIFE_S = 1.5  # that a process trains before it is killed
PATIENCE_S = 300


def write_data(folder: Path) -> None:
    """Write pairs of noise and words, and the vocabulary."""
    rng = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(folder / "data-00000-of-00001.gz"), "GZIP") as writer:
        for index in range(IMAGES):
            encoded = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (20, 20, 3), np.uint8)).save(encoded, "PNG")
            example = tf.train.Example()
            features = example.features.feature
            features[schema.IMAGE_ENCODED].bytes_list.value.append(encoded.getvalue())
            caption = f"{WORDS[index % 8]} {WORDS[index // 8]}"
            features[schema.CAPTION_TEXT].bytes_list.value.append(caption.encode())
            writer.write(example.SerializeToString())
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")


def train(data: Path, run: Path, steps: int) -> None:
    """Train as the Trainer does, in this process."""
    from models.trainer import run_fn

    model = {
        "image": "b0", "text": "tiny", "image_width_coefficient": 0.25, "image_depth_coefficient": 0.1,
        "image_stem_stride": 1, "image_resize_px": 18, "image_crop_px": 16, "text_layers": 1, "text_hidden": 16,
        "text_heads": 2, "text_intermediate": 32, "text_max_pieces": 6, "embedding": 8, "dropout": 0.2,
    }  # fmt: skip
    training = {
        "steps": steps, "batch": BATCH, "learning_rate": 0.01, "warmup_steps": 1, "log_every_steps": 10,
        "checkpoint_every_steps": CHECKPOINT_STEPS,
    }  # fmt: skip
    run_fn(
        SimpleNamespace(
            train_files=[str(data / "data-*")],
            serving_model_dir=str(run / "served" / str(time.time_ns())),
            model_run_dir=str(run / "model_run"),
            custom_config={
                "model": model,
                "training": training,
                "vocabulary_file": str(data / "vocab.txt"),
                "checkpoints": str(run / "checkpoints"),
            },
        )
    )


def start(data: Path, run: Path, steps: int) -> subprocess.Popen:
    run.mkdir(exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.training.resume"]
    return subprocess.Popen(
        [*command, "--train", str(data), str(run), "--steps", str(steps)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=(run / "log.txt").open("ab"),
    )


def newest_step(run: Path) -> int:
    found = [path.name for path in (run / "checkpoints").glob("*/step-*[0-9]")]
    return max((int(name.removeprefix("step-")) for name in found), default=0)


def finish(process: subprocess.Popen, run: Path) -> None:
    if process.wait() != 0:
        raise SystemExit(f"training ended with status {process.returncode}:\n{(run / 'log.txt').read_text()[-3000:]}")


def kill_often(data: Path, run: Path, steps: int, kills: int, rng: random.Random) -> list[int]:
    """Train with `kills` kills; returns the newest checkpoint's step after each."""
    steps_at_kill: list[int] = []
    while len(steps_at_kill) < kills:
        before = newest_step(run)
        process = start(data, run, steps)
        began = time.monotonic()
        while newest_step(run) == before and process.poll() is None:
            if time.monotonic() - began > PATIENCE_S:
                process.kill()
                raise SystemExit(f"no checkpoint came after step {before}")
            time.sleep(0.01)
        time.sleep(rng.uniform(0, MAX_LIFE_S))
        if process.poll() is not None:
            raise SystemExit(f"training was over after {len(steps_at_kill)} kills; raise --steps")
        process.kill()
        process.wait()
        steps_at_kill.append(newest_step(run))
        print(f"kill {len(steps_at_kill)} of {kills}: the newest checkpoint is of step {steps_at_kill[-1]}", flush=True)
    finish(start(data, run, steps), run)
    return steps_at_kill


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    parser.add_argument("--train", nargs=2, type=Path, metavar=("DATA", "RUN"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        train(*arguments.train, arguments.steps)
        return
    with tempfile.TemporaryDirectory() as scratch:
        data, killed, undisturbed = (Path(scratch) / name for name in ("data", "killed", "undisturbed"))
        data.mkdir()
        write_data(data)
        finish(start(data, undisturbed, arguments.steps), undisturbed)
        steps = kill_often(data, killed, arguments.steps, arguments.kills, random.Random(arguments.seed))
        weights = [load_file(run / "model_run" / "model" / WEIGHTS_FILE) for run in (undisturbed, killed)]
        differ = [name for name in weights[0] if not np.array_equal(weights[0][name], weights[1][name])]
        lines = [
            [json.loads(line)["loss"] for line in (run / "model_run" / "history.jsonl").read_text().splitlines()]
            for run in (undisturbed, killed)
        ]
    print(
        f"{arguments.kills} kills in {arguments.steps} steps (at {steps}); "
        f"{len(differ)} of {len(weights[0])} weights differ in any bit; losses of the history "
        f"{'equal' if lines[0] == lines[1] else 'differ'}"
    )
    if differ or lines[0] != lines[1]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
