"""Forty small Examples and the Trainer's own executor on them, for tests that train, some in other processes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from PIL import Image
from tfx.dsl.components.base import base_executor
from tfx.types import Channel, artifact_utils, standard_artifacts

from components import schema
from components.artifact_files import RECORD_COUNTS_FILE, VOCABULARY_FILE
from components.artifacts import RecordCounts, Vocabulary
from components.trainer.component import AlignTrainer
from models.config import ModelConfig
from models.training_config import TrainingConfig

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "grey": (128, 128, 128)}
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "square", *COLOURS]
STEPS = 3
CUSTOM_CONFIG = {
    "model": vars(
        ModelConfig(
            image_width_coefficient=0.25,
            image_depth_coefficient=0.1,
            image_stem_stride=1,
            image_resize_px=18,
            image_crop_px=16,
            text_layers=1,
            text_hidden=16,
            text_heads=2,
            text_intermediate=32,
            text_max_pieces=6,
            embedding=12,
            dropout=0.0,
            drop_connect=0.0,
        )
    ),
    "training": vars(
        TrainingConfig(steps=STEPS, batch=8, learning_rate=0.01, warmup_steps=1, shuffle_buffer=16, log_every_steps=2)
    ),
}


def png(colour: tuple[int, int, int], seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(-20, 20, (20, 20, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noise + colour, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def example(colour: str, seed: int) -> bytes:
    proto = tf.train.Example()
    for name, values in {
        schema.IMAGE_ENCODED: [png(COLOURS[colour], seed)],
        schema.CAPTION_TEXT: [f"a {colour} square".encode(), colour.encode()],
        schema.CLASS_LABEL: [colour.encode()],
        schema.CLASS_TEXTS: [colour.encode()],
    }.items():
        proto.features.feature[name].bytes_list.value.extend(values)
    return proto.SerializeToString()


def artifact(kind, uri: Path):
    made = kind()
    made.uri = str(uri)
    uri.mkdir(parents=True, exist_ok=True)
    return made


def inputs_in(root: Path) -> dict[str, list]:
    """Returns input key -> artifacts, of what `write_inputs` wrote."""
    examples = artifact(standard_artifacts.Examples, root / "examples")
    examples.split_names = artifact_utils.encode_split_names([schema.TRAIN_SPLIT])
    return {
        "examples": [examples],
        "vocabulary": [artifact(Vocabulary, root / "vocabulary")],
        "counts": [artifact(RecordCounts, root / "counts")],
    }


def write_inputs(root: Path) -> dict[str, list]:
    """Write the Examples, their counts and a vocabulary; returns input key -> artifacts."""
    inputs = inputs_in(root)
    (root / "examples" / "Split-train").mkdir()
    counts = {}
    for shard in range(2):
        path = root / "examples" / "Split-train" / f"data-{shard:05d}-of-00002.gz"
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for seed in range(20):
                writer.write(example(list(COLOURS)[seed % len(COLOURS)], seed + 20 * shard))
        counts[path.name] = {"records": 20, "captions": 40}
    (root / "counts" / "Split-train").mkdir()
    (root / "counts" / "Split-train" / RECORD_COUNTS_FILE).write_text(json.dumps(counts), encoding="utf-8")
    (root / "vocabulary" / VOCABULARY_FILE).write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return inputs


def fn_args(inputs: Path, run: Path, model: dict, training: dict) -> dict:
    """Returns what `run_fn` reads, of what `write_inputs` wrote; for a process that does without TFX."""
    return {
        "train_files": [str(inputs / "examples" / "Split-train" / "*")],
        "serving_model_dir": str(run / "served"),
        "model_run_dir": str(run / "model_run"),
        "custom_config": {
            "model": model,
            "training": training,
            "vocabulary_file": str(inputs / "vocabulary" / VOCABULARY_FILE),
            "record_counts_file": str(inputs / "counts" / "Split-train" / RECORD_COUNTS_FILE),
            "checkpoints": str(checkpoints_of(run)),
        },
    }


def checkpoints_of(run: Path) -> Path:
    """Returns where the training of a run keeps its checkpoints."""
    return run.parent / f"{run.name}-checkpoints"


def trainer(custom_config: dict) -> AlignTrainer:
    """Returns the component."""
    return AlignTrainer(
        examples=Channel(type=standard_artifacts.Examples),
        vocabulary=Channel(type=Vocabulary),
        counts=Channel(type=RecordCounts),
        run_fn="models.trainer.run_fn",
        custom_config=custom_config,
    )


def train(inputs, root: Path, dropout: float = 0.0, **training) -> dict[str, Path]:
    """Run the component's executor as an orchestrator does; returns output key -> folder."""
    config = {
        "model": {**CUSTOM_CONFIG["model"], "dropout": dropout},
        "training": {**CUSTOM_CONFIG["training"], **training},
        "checkpoints": str(checkpoints_of(root)),
    }
    component = trainer(config)
    executor = component.executor_spec.executor_class(
        base_executor.BaseExecutor.Context(tmp_dir=str(root / "scratch"), unique_id="1")
    )
    outputs = {key: [artifact(channel.type, root / key)] for key, channel in component.outputs.items()}
    executor.Do(inputs, outputs, component.exec_properties)
    return {key: root / key for key in outputs}


def train_weights(inputs, root: Path, dropout: float = 0.0, **training) -> dict[str, Path]:
    """As `train`, with an empty folder for the SavedModel, which takes long to make: for what asks it nothing."""

    def make_folder(served, directory):
        Path(directory).mkdir(parents=True)

    # Not in models.trainer, which TFX imports anew.
    with mock.patch("models.saving.export.export", make_folder):
        return train(inputs, root, dropout, **training)
