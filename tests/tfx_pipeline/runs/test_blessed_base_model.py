"""Which model runs mean as `training.base_model`; the stores are TFX's, filled by our pipeline with quick executors."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from ml_metadata import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from quick_pipeline import BROKEN, REFUSED, quick_pipeline
from rich.console import Console
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from typer.testing import CliRunner

from components.artifact_files import MODEL_FOLDER
from components.exporter.config import ExportConfig
from tfx_pipeline import local_runner
from tfx_pipeline.ablation.ablate import row_config
from tfx_pipeline.ablation.results import RESULTS_FILE, Ablation, Outcome, write_results
from tfx_pipeline.cli import app
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.runs.base_model import resolve_base_model
from tfx_pipeline.runs.folders import METADATA_FILE
from tfx_pipeline.runs.inputs import inputs_of
from tfx_pipeline.settings.config import Config, ConfigError, build
from tfx_pipeline.settings.sweeps import read_sweep

ALIGN = [sys.executable, "-m", "tfx_pipeline.cli"]


def metadata_of(root: Path) -> ConnectionConfig:
    return sqlite_metadata_connection_config(str(root / METADATA_FILE))


@pytest.fixture(scope="module")
def config_of(tmp_path_factory):
    """Returns a function: (output, fields of training) -> config of the pipeline output/quick."""
    shards = tmp_path_factory.mktemp("shards")
    (shards / "0.tar").touch()

    def make(output: Path, **training) -> Config:
        return build({"name": "quick", "output": str(output), "ingest": {"shards": str(shards)}, "training": training})

    return make


@pytest.fixture(scope="module")
def finish():
    """Returns a function: (config) runs the pipeline as `align run` does; -> its Trainer's model folder."""
    numbers = itertools.count()

    def run(config: Config) -> str:
        run_dir = config.root / "runs" / f"r{next(numbers)}"
        run_dir.mkdir(parents=True)
        local_runner.run(config, run_dir)
        outputs = local_runner.describe_last_execution(metadata_of(config.root), config.name, "Trainer")["outputs"]
        return f"{outputs['model_run']}/{MODEL_FOLDER}"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_runner, "create_pipeline", quick_pipeline)
        yield run


@pytest.fixture(scope="module")
def results(finish, config_of, tmp_path_factory) -> tuple[Path, str]:
    """A pipeline's folder with one run, and the model folder that was blessed there."""
    output = tmp_path_factory.mktemp("output")
    return output / "quick", finish(config_of(output))


def resolved(config: Config) -> tuple[Config, str]:
    """Returns what a run takes, and what is said of it."""
    console = Console(file=io.StringIO())
    return resolve_base_model(config, console), console.file.getvalue()


def refusal(config: Config) -> str:
    with pytest.raises(ConfigError) as caught:
        resolved(config)
    return str(caught.value)


def test_runs_mean_the_model_of_the_newest_one_that_was_blessed(finish, config_of, tmp_path):
    root, elsewhere = tmp_path / "quick", tmp_path / "elsewhere"
    asked = config_of(elsewhere, base_model=str(root))
    first, second = finish(config_of(tmp_path, seed=0)), finish(config_of(tmp_path, seed=1))
    finish(config_of(tmp_path, seed=REFUSED))
    found, said = resolved(asked)
    assert second != first
    assert found == config_of(elsewhere, base_model=second)
    time_of_day = r"(20\d\d-\d\d-\d\d \d\d:\d\d:\d\d)"
    line = re.fullmatch(
        re.escape(f"base model: {second} (blessed ") + time_of_day + re.escape(f" in {root})") + "\n", said
    )
    blessed = datetime.strptime(line[1], "%Y-%m-%d %H:%M:%S")
    assert abs((datetime.now() - blessed).total_seconds()) < 600
    assert finish(config_of(tmp_path, seed=0)) == first  # from the cache
    assert resolved(asked)[0].training.base_model == first


def test_of_a_model_in_another_precision_the_trained_weights_are_taken(finish, config_of, tmp_path):
    trained = finish(dataclasses.replace(config_of(tmp_path), export=ExportConfig("bfloat16")))
    found, _ = resolved(config_of(tmp_path / "elsewhere", base_model=str(tmp_path / "quick")))
    assert found.training.base_model == trained


def test_a_pipeline_trains_on_from_its_own_blessed_model(finish, config_of, tmp_path):
    itself = config_of(tmp_path, base_model=str(tmp_path / "quick"))
    first = finish(config_of(tmp_path))
    once, _ = resolved(itself)
    assert once.training.base_model == first
    second = finish(once)
    assert second != first
    assert finish(once) == second  # the same path, the same cache key
    twice, _ = resolved(itself)
    assert twice.training.base_model == second
    assert finish(twice) not in (first, second)


def test_the_trainer_and_the_vocabulary_get_the_path_that_was_found(results, config_of, tmp_path):
    root, model = results
    config, _ = resolved(config_of(tmp_path, base_model=str(root)))
    pipeline = create_pipeline(config, artifact_root="a", push_to="p", checkpoints="c")
    properties = {component.id: component.exec_properties for component in pipeline.components}
    assert json.loads(properties["Trainer"]["custom_config"])["training"]["base_model"] == model
    assert json.loads(properties["Vocabulary"]["vocabulary_config"])["file"] == f"{model}/vocab.txt"


def test_without_a_blessed_model_it_says_how_many_there_are_and_why(finish, config_of, tmp_path):
    root = tmp_path / "quick"
    asked = config_of(tmp_path, base_model=str(root))
    start = f"training.base_model is '{root}', which has no blessed model: its "
    end = (
        ", on which `align report` says more; to train on from one all the same, name the folder 'model' in its "
        "Trainer's model_run"
    )
    finish(config_of(tmp_path, seed=REFUSED))
    assert refusal(asked) == f"{start}1 model was not blessed (1 missed a threshold){end}"
    finish(config_of(tmp_path, seed=REFUSED + 1))
    with pytest.raises(ValueError, match="no verdict"):
        finish(config_of(tmp_path, seed=BROKEN))
    assert refusal(asked) == f"{start}3 models were not blessed (2 missed a threshold and 1 never judged){end}"


def test_runs_without_any_model(config_of, tmp_path):
    MetadataStore(metadata_of(tmp_path))
    assert refusal(config_of(tmp_path, base_model=str(tmp_path))) == (
        f"training.base_model is '{tmp_path}', which has no blessed model: no run there has trained a model yet; "
        "finish one by `align run`"
    )


def test_a_blessed_model_that_is_gone(finish, config_of, tmp_path):
    model = finish(config_of(tmp_path))
    shutil.rmtree(model)
    assert refusal(config_of(tmp_path, base_model=str(tmp_path / "quick"))) == (
        f"training.base_model is '{tmp_path}/quick', but its newest blessed model is gone: {model} has no model.json; "
        "put that folder back, or set training.base_model to another model folder"
    )


def test_looking_up_imports_neither_tfx_nor_tensorflow(results):
    root, model = results
    program = (
        "import sys\n"
        "from rich.console import Console\n"
        "from tfx_pipeline.runs.base_model import resolve_base_model\n"
        "from tfx_pipeline.settings.config import load\n"
        f"config = resolve_base_model(load('demo', {{'training.base_model': {str(root)!r}}}), Console())\n"
        f"assert config.training.base_model == {model!r}, config.training.base_model\n"
        "heavy = {'tfx', 'tensorflow', 'keras', 'apache_beam'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_compile_refuses_local_runs_and_names_the_model_to_copy(results):
    root, model = results
    done = CliRunner().invoke(app, ["compile", "--image", "i", "--set", f"training.base_model={root}"])
    assert isinstance(done.exception, ConfigError)
    assert done.output == ""
    assert str(done.exception) == (
        f"training.base_model is '{root}', which holds runs of this machine, where a cluster's workers look "
        f"nothing up; copy its blessed model, {model}, to where they read, and set training.base_model to that folder"
    )


def test_align_run_says_which_model_it_is_and_runs_with_its_path(results, config_of, tmp_path):
    root, model = results
    config = tmp_path / "mine.yaml"
    config.write_text(yaml.safe_dump(config_of(tmp_path / "output", base_model=str(root)).to_mapping()))
    with subprocess.Popen([*ALIGN, "run", "--config", config], stdout=subprocess.PIPE, text=True) as align:
        try:
            deadline = time.monotonic() + 120
            while not (logs := list(tmp_path.glob("output/quick/runs/*/log.txt"))):
                assert align.poll() is None, align.stdout.read()
                assert time.monotonic() < deadline, "no run within two minutes"
                time.sleep(0.1)
        finally:
            align.send_signal(signal.SIGINT)
        said, _ = align.communicate(timeout=60)
    (log,) = logs  # opened after the config was written, for the pipeline's process
    assert yaml.safe_load((log.parent / "config.yaml").read_text())["training"]["base_model"] == model
    assert said.startswith(f"base model: {model} (blessed 20")


def test_align_ablate_finds_one_model_for_all_rows_before_it_asks_which_have_finished(results, config_of, tmp_path):
    root, model = results
    config, sweep = str(tmp_path / "mine.yaml"), str(tmp_path / "seeds.yaml")
    Path(config).write_text(yaml.safe_dump(config_of(tmp_path, base_model=str(root)).to_mapping()))
    Path(sweep).write_text("{about: seeds, preset: demo, rows: {a: {set: {training.seed: 1}}, b: {set: {}}}}")
    seeds, metrics = read_sweep(sweep), {"validation": {"i2t_recall_at_1": 0.5}}
    finished = []
    for row in seeds.rows.values():
        trained = row_config(config, {"training.base_model": model}, seeds, row)
        finished.append(Outcome(row, trained.to_mapping(), inputs_of(trained), metrics=metrics))
    (tmp_path / "quick-seeds").mkdir()
    write_results(Ablation("quick-seeds", seeds, tuple(finished)), tmp_path / "quick-seeds" / RESULTS_FILE)
    done = CliRunner().invoke(app, ["ablate", "--config", config, "--sweep", sweep])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"base model: {model} (blessed 20")
    assert (done.stdout.count("base model: "), done.stdout.count("finished before")) == (1, 2)
