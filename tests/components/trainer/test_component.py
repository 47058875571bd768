"""The Trainer from artifacts to artifacts: the component's own executor on forty small Examples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

import small_training
from components.artifact_files import RECORD_COUNTS_FILE
from components.artifacts import RecordCounts, Vocabulary
from components.config_fields import build_fields
from components.trainer.component import AlignTrainer
from models.saving.model_folder import WEIGHTS_FILE
from models.training_config import TrainingConfig
from serving import signatures
from short_tower import shorten
from small_training import CUSTOM_CONFIG, STEPS, example, fn_args, train, train_weights, write_inputs

ON_TWO_DEVICES = """
import json, sys
from types import SimpleNamespace
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from models.trainer import run_fn
from models.training.strategies import pick_strategy
from short_tower import shorten
shorten(setattr)
print(pick_strategy('auto').num_replicas_in_sync)
run_fn(SimpleNamespace(**json.loads(sys.argv[1])))
"""


@pytest.fixture(scope="module", autouse=True)
def short_tower():
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch.setattr)
        yield


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def trained(inputs, tmp_path_factory):
    return train(inputs, tmp_path_factory.mktemp("first"))


def weights(outputs: dict[str, Path]) -> list[np.ndarray]:
    return list(load_file(outputs["model_run"] / "model" / WEIGHTS_FILE).values())


def history(outputs: dict[str, Path]) -> list[dict]:
    return [json.loads(line) for line in (outputs["model_run"] / "history.jsonl").read_text().splitlines()]


def test_the_interface_is_the_stock_trainers_with_a_vocabulary_and_counts():
    assert set(AlignTrainer.SPEC_CLASS.INPUTS) > {"examples", "vocabulary", "counts", "base_model"}
    for name, of in (("vocabulary", Vocabulary), ("counts", RecordCounts)):
        assert not AlignTrainer.SPEC_CLASS.INPUTS[name].optional
        assert AlignTrainer.SPEC_CLASS.INPUTS[name].type is of


def test_what_the_run_was_given_takes_the_place_of_what_the_pipeline_was_built_with(inputs, tmp_path):
    built = {"training": {"steps": 3, "seed": 1, "learning_rate": 0.1}, "checkpoints": "c"}
    component = small_training.trainer(built)
    executor = component.executor_spec.executor_class()
    outputs = {key: [small_training.artifact(of.type, tmp_path / key)] for key, of in component.outputs.items()}

    def training(**given: float) -> dict:
        return executor._GetFnArgs(inputs, outputs, {**component.exec_properties, **given}).custom_config["training"]

    assert training() == built["training"]
    assert training(steps=7, seed=0) == {"steps": 7, "seed": 0, "learning_rate": 0.1}


@pytest.mark.parametrize("named", [None, "gs://bucket/checkpoints"])
def test_checkpoints_lie_among_the_artifacts_where_no_other_place_is_named(named, inputs, tmp_path):
    component = small_training.trainer({"checkpoints": named})
    executor = component.executor_spec.executor_class()
    of = {"model": tmp_path / "Trainer/model/7", "model_run": tmp_path / "Trainer/model_run/7"}
    outputs = {key: [small_training.artifact(component.outputs[key].type, folder)] for key, folder in of.items()}
    found = executor._GetFnArgs(inputs, outputs, component.exec_properties).custom_config["checkpoints"]
    assert found == (named or str(tmp_path / "checkpoints"))


def test_what_a_run_leaves_behind(trained):
    assert sorted(path.name for path in trained["model"].iterdir()) == ["Format-Serving"]
    left = ["history.jsonl", "model", "tensorboard", "training.json"]
    assert sorted(path.name for path in trained["model_run"].iterdir()) == left
    told = json.loads((trained["model_run"] / "training.json").read_text())
    assert build_fields(TrainingConfig, told["training"]).steps == STEPS
    assert told["software"]["tensorflow"] == tf.__version__
    lines = history(trained)
    assert [line["step"] for line in lines] == [1, 2, STEPS]
    assert all(np.isfinite(line["loss"]) for line in lines)


def test_the_served_model_answers(trained):
    served = tf.saved_model.load(str(trained["model"] / "Format-Serving")).signatures
    answer = served[signatures.EVALUATE](**{signatures.EXAMPLES: tf.constant([example("red", 0)])})
    for name in (signatures.IMAGE_EMBEDDING, signatures.LABEL_EMBEDDING):
        np.testing.assert_allclose(np.linalg.norm(answer[name]), 1, atol=1e-5)


def test_the_same_seed_gives_the_same_weights(inputs, trained, tmp_path):
    first, again = weights(trained), weights(train_weights(inputs, tmp_path))
    assert len(first) > 10
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)


def test_micro_batches_learn_what_the_whole_batch_does(inputs, trained, tmp_path):
    """With the image tower frozen, since batch norm normalises each micro-batch by itself."""
    base = str(trained["model_run"] / "model")
    settings = {"base_model": base, "frozen_tower": "image", "log_every_steps": 1}
    whole = train_weights(inputs, tmp_path / "whole", **settings)
    parts = train_weights(inputs, tmp_path / "parts", micro_batch=2, **settings)
    for name in ("loss", "gradient_norm"):
        assert [line[name] for line in history(parts)] == pytest.approx([line[name] for line in history(whole)], 1e-3)


def test_the_counts_are_the_artifacts_and_wrong_ones_are_told(tmp_path):
    inputs = write_inputs(tmp_path / "inputs")
    path = tmp_path / "inputs" / "counts" / "Split-train" / RECORD_COUNTS_FILE
    path.write_text(path.read_text(encoding="utf-8").replace('"records": 20', '"records": 19'), encoding="utf-8")
    with pytest.raises(ValueError, match=r"training file .*-00000-of-00002\.gz holds 20 records where 19 were counted"):
        train(inputs, tmp_path / "outputs", batch=38, kept_images_gib=0.0)


def test_a_batch_larger_than_the_data(inputs, tmp_path):
    with pytest.raises(ValueError, match=r"training\.batch is 41, but only 40 images"):
        train(inputs, tmp_path, batch=41)


def test_two_devices_mirror_the_model_and_learn_what_one_does(inputs, tmp_path):
    """The two in a process of their own, which does without TFX."""
    two = {"model": tmp_path / "two" / "model", "model_run": tmp_path / "two" / "model_run"}
    training = {**CUSTOM_CONFIG["training"], "synchronized_batch_norm": True}
    given = fn_args(Path(inputs["examples"][0].uri).parent, tmp_path / "two", CUSTOM_CONFIG["model"], training)
    given["serving_model_dir"] = str(two["model"] / "Format-Serving")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ON_TWO_DEVICES, json.dumps(given)],
        env={**os.environ, "PYTHONPATH": str(Path(small_training.__file__).parent)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[0] == "2"
    one = train_weights(inputs, tmp_path / "one", synchronized_batch_norm=True)
    for key in ("loss", "temperature"):
        assert [line[key] for line in history(two)] == pytest.approx([line[key] for line in history(one)], rel=1e-3)
    test_the_served_model_answers(two)
