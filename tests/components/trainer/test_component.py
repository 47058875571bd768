"""The Trainer from artifacts to artifacts: the component's own executor on forty small Examples."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tfx.dsl.components.base import base_executor
from tfx.types import Channel, artifact_utils, standard_artifacts

from components import schema
from components.artifacts import VOCABULARY_FILE, Vocabulary
from components.trainer.component import AlignTrainer
from models.config import ModelConfig, TrainingConfig
from serving import signatures

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
            embedding=8,
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
    uri.mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("inputs")
    examples = artifact(standard_artifacts.Examples, root / "examples")
    examples.split_names = artifact_utils.encode_split_names([schema.TRAIN_SPLIT])
    (root / "examples" / "Split-train").mkdir()
    for shard in range(2):
        path = root / "examples" / "Split-train" / f"data-{shard:05d}-of-00002.gz"
        with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
            for seed in range(20):
                writer.write(example(list(COLOURS)[seed % len(COLOURS)], seed + 20 * shard))
    vocabulary = artifact(Vocabulary, root / "vocabulary")
    (root / "vocabulary" / VOCABULARY_FILE).write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return {"examples": [examples], "vocabulary": [vocabulary]}


def train(inputs, root: Path, **training) -> dict[str, Path]:
    """Run the component's executor as an orchestrator does; returns output key -> folder."""
    config = {**CUSTOM_CONFIG, "training": {**CUSTOM_CONFIG["training"], **training}}
    component = AlignTrainer(
        examples=Channel(type=standard_artifacts.Examples),
        vocabulary=Channel(type=Vocabulary),
        run_fn="models.trainer.run_fn",
        custom_config=config,
    )
    executor = component.executor_spec.executor_class(
        base_executor.BaseExecutor.Context(tmp_dir=str(root / "scratch"), unique_id="1")
    )
    outputs = {key: [artifact(channel.type, root / key)] for key, channel in component.outputs.items()}
    executor.Do(inputs, outputs, component.exec_properties)
    return {key: root / key for key in outputs}


@pytest.fixture(scope="module")
def trained(inputs, tmp_path_factory):
    return train(inputs, tmp_path_factory.mktemp("first"))


def weights(outputs: dict[str, Path]) -> list[np.ndarray]:
    loaded = tf.saved_model.load(str(outputs["model"] / "Format-Serving"))
    return [variable.numpy() for variable in loaded.signatures[signatures.ENCODE_IMAGE].variables]


def test_the_interface_is_the_stock_trainers_and_a_vocabulary():
    assert set(AlignTrainer.SPEC_CLASS.INPUTS) > {"examples", "vocabulary", "base_model"}
    assert not AlignTrainer.SPEC_CLASS.INPUTS["vocabulary"].optional
    assert AlignTrainer.SPEC_CLASS.INPUTS["vocabulary"].type is Vocabulary


def test_what_a_run_leaves_behind(trained):
    assert sorted(path.name for path in trained["model"].iterdir()) == ["Format-Serving"]
    assert sorted(path.name for path in trained["model_run"].iterdir()) == ["history.jsonl", "weights.weights.h5"]
    lines = [json.loads(line) for line in (trained["model_run"] / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, STEPS]
    assert all(np.isfinite(line["loss"]) for line in lines)


def test_the_served_model_answers(trained):
    served = tf.saved_model.load(str(trained["model"] / "Format-Serving")).signatures
    answer = served[signatures.EVALUATE](**{signatures.EXAMPLES: tf.constant([example("red", 0)])})
    for name in (signatures.IMAGE_EMBEDDING, signatures.LABEL_EMBEDDING):
        np.testing.assert_allclose(np.linalg.norm(answer[name]), 1, atol=1e-5)


def test_the_same_seed_gives_the_same_weights(inputs, trained, tmp_path):
    first, again = weights(trained), weights(train(inputs, tmp_path))
    assert len(first) > 10
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_batch_larger_than_the_data(inputs, tmp_path):
    with pytest.raises(ValueError, match=r"training\.batch is 41, but only 40 images"):
        train(inputs, tmp_path, batch=41)
