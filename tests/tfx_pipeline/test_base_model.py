"""What `training.base_model` means, looked up in stores that TFX filled as it ran our pipeline with quick executors."""

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
import tensorflow as tf
import yaml
from ml_metadata import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig
from rich.console import Console
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_executor, executor_spec
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from components.evaluator.baseline import build_baseline_resolver
from models.model_folder import MODEL_FILE
from models.trainer import MODEL_FOLDER
from tfx_pipeline import local_runner
from tfx_pipeline.base_model import METADATA_FILE, base_model_for_cluster, resolve_base_model
from tfx_pipeline.config import Config, ConfigError, build
from tfx_pipeline.pipeline import create_pipeline

ALIGN = [sys.executable, "-m", "tfx_pipeline.cli"]
REFUSED, BROKEN = 100, 200  # seeds from which on a model is not blessed, from which on judging fails

NEITHER = "is neither a model folder (it has no model.json) nor OUTPUT/NAME of runs (it has no metadata.sqlite)"


class Quick(base_executor.BaseExecutor):
    """Leaves of each component what looking up needs: the Trainer's model folder, the Evaluator's verdict."""

    def Do(self, input_dict, output_dict, exec_properties):
        if "model_run" in output_dict:
            seed = json.loads(exec_properties["custom_config"])["training"]["seed"]
            Path(output_dict["model"][0].uri, "seed").write_text(str(seed))
            write_model_folder(Path(output_dict["model_run"][0].uri) / MODEL_FOLDER)
        if "blessing" in output_dict:
            (model,), (blessing,) = input_dict["model"], output_dict["blessing"]
            seed = int(Path(model.uri, "seed").read_text())
            if seed >= BROKEN:
                raise ValueError("no verdict")
            blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
            blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(seed < REFUSED))


def write_model_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / MODEL_FILE).write_text("{}")
    return folder


def quick_pipeline(*args, **kwargs):
    pipeline = create_pipeline(*args, **kwargs)
    for component in pipeline.components:
        if not isinstance(component, Resolver):
            component.executor_spec = executor_spec.ExecutorClassSpec(Quick)
    return pipeline


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


def resolved(config: Config) -> tuple[str | None, str]:
    """Returns the base model that a run takes, and what is said of it."""
    console = Console(file=io.StringIO())
    found = resolve_base_model(config, console)
    expected = dataclasses.replace(config, training=found.training)
    assert found == expected  # nothing else of the config changes
    return found.training.base_model, console.file.getvalue()


def refusal(config: Config, resolve=lambda config: resolve_base_model(config, Console(file=io.StringIO()))) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(config)
    return str(caught.value)


def test_results_mean_the_model_of_the_newest_run_that_was_blessed(finish, config_of, tmp_path):
    root = tmp_path / "quick"
    asked = config_of(tmp_path / "elsewhere", base_model=str(root))
    first, second = finish(config_of(tmp_path, seed=0)), finish(config_of(tmp_path, seed=1))
    finish(config_of(tmp_path, seed=REFUSED))
    found, said = resolved(asked)
    assert found == second != first
    line = (
        re.escape(f"base model: {second} (blessed ")
        + r"(20\d\d-\d\d-\d\d \d\d:\d\d:\d\d)"
        + re.escape(f" in {root})\n")
    )
    blessed = datetime.strptime(re.fullmatch(line, said)[1], "%Y-%m-%d %H:%M:%S")
    assert abs((datetime.now() - blessed).total_seconds()) < 600
    assert finish(config_of(tmp_path, seed=0)) == first  # from the cache
    assert resolved(asked)[0] == first


def test_a_pipeline_trains_on_from_its_own_blessed_model(finish, config_of, tmp_path):
    itself = config_of(tmp_path, base_model=str(tmp_path / "quick"))
    first = finish(config_of(tmp_path))
    once = resolve_base_model(itself, Console(file=io.StringIO()))
    assert once.training.base_model == first
    second = finish(once)
    assert second != first
    assert finish(once) == second  # the same path, the same cache key
    twice = resolve_base_model(itself, Console(file=io.StringIO()))
    assert twice.training.base_model == second
    assert finish(twice) not in (first, second)


def test_the_trainer_and_the_vocabulary_get_the_path_that_was_found(results, config_of, tmp_path):
    root, model = results
    config = resolve_base_model(config_of(tmp_path, base_model=str(root)), Console(file=io.StringIO()))
    pipeline = create_pipeline(config, artifact_root="a", push_to="p", resolve_baseline=build_baseline_resolver)
    properties = {component.id: component.exec_properties for component in pipeline.components}
    assert json.loads(properties["Trainer"]["custom_config"])["training"]["base_model"] == model
    assert json.loads(properties["Vocabulary"]["vocabulary_config"])["file"] == f"{model}/vocab.txt"


def test_a_model_folder_is_itself_by_its_real_path(config_of, tmp_path, monkeypatch):
    folder = write_model_folder(tmp_path / "models" / "base")
    (tmp_path / "latest").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    for named in (str(folder), "models/base/", "latest"):
        assert resolved(config_of(tmp_path, base_model=named)) == (str(folder), "")
    assert resolved(config_of(tmp_path)) == (None, "")


def test_without_a_blessed_model_it_says_how_many_there_are_and_why(finish, config_of, tmp_path):
    root = tmp_path / "quick"
    asked = config_of(tmp_path, base_model=str(root))
    finish(config_of(tmp_path, seed=REFUSED))
    remedy = (
        "on which `align report` says more; to train on from one all the same, name the folder 'model' in its "
        "Trainer's model_run"
    )
    assert refusal(asked) == (
        f"training.base_model is '{root}', which has no blessed model: its 1 model was not blessed (1 missed a "
        f"threshold), {remedy}"
    )
    finish(config_of(tmp_path, seed=REFUSED + 1))
    with pytest.raises(ValueError, match="no verdict"):
        finish(config_of(tmp_path, seed=BROKEN))
    assert refusal(asked) == (
        f"training.base_model is '{root}', which has no blessed model: its 3 models were not blessed (2 missed a "
        f"threshold and 1 never judged), {remedy}"
    )


def test_results_without_any_model(config_of, tmp_path):
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


def test_results_whose_metadata_is_damaged(config_of, tmp_path):
    (tmp_path / METADATA_FILE).write_text("no data base " * 100)
    assert refusal(config_of(tmp_path, base_model=str(tmp_path))) == (
        f"training.base_model is '{tmp_path}', whose metadata.sqlite cannot be read (Error when executing query: file "
        "is not a database); name a model folder"
    )


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([], "which does not exist; name the one or the other"),
        (["named.old/model.json"], "which does not exist; did you mean {0}/named.old?"),
        (["named/notes.txt"], f"which {NEITHER}; name the one or the other"),
        (["named/checkpoint/model.json", "named/servable/1/saved_model.pb"], "; did you mean {0}/named/checkpoint?"),
        (["named/b/metadata.sqlite", "named/a/metadata.sqlite"], "; did you mean {0}/named/a or {0}/named/b?"),
    ],
)
def test_what_is_no_base_model_is_refused_with_what_may_have_been_meant(config_of, tmp_path, there, words):
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    sentence = refusal(config_of(tmp_path, base_model=str(tmp_path / "named")))
    assert sentence.startswith(f"training.base_model is '{tmp_path}/named', which ")
    assert sentence.endswith(words.format(tmp_path))


def test_an_address_stays_where_a_model_folder_is_there(config_of, tmp_path):
    tf.io.gfile.makedirs("ram://base")
    assert refusal(config_of(tmp_path, base_model="ram://base")) == (
        "training.base_model is 'ram://base', which is no model folder (it has no model.json); name one, as only on "
        "this machine are runs looked up for their blessed model"
    )
    with tf.io.gfile.GFile(f"ram://base/{MODEL_FILE}", "w") as file:
        file.write("{}")
    assert resolved(config_of(tmp_path, base_model="ram://base")) == ("ram://base", "")
    assert "'ftp://base', which cannot be read (File system scheme 'ftp' not implemented" in refusal(
        config_of(tmp_path, base_model="ftp://base")
    )


def test_a_cluster_gets_a_model_folder_by_its_absolute_path(config_of, tmp_path, monkeypatch):
    write_model_folder(tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    for named, given in {
        "base": f"{tmp_path}/base",
        "mounted/elsewhere": f"{tmp_path}/mounted/elsewhere",
        "gs://bucket/base": "gs://bucket/base",
        None: None,
    }.items():
        assert base_model_for_cluster(config_of(tmp_path, base_model=named)).training.base_model == given
    (tmp_path / "notes").mkdir()
    assert "neither a model folder" in refusal(config_of(tmp_path, base_model="notes"), base_model_for_cluster)


def test_compile_refuses_local_runs_and_names_the_model_to_copy(results):
    root, model = results
    command = [*ALIGN, "compile", "--image", "i", "--set", f"training.base_model={root}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"align: training.base_model is '{root}', which holds runs of this machine, where a cluster's workers look "
        f"nothing up; copy its blessed model, {model}, to where they read, and set training.base_model to that folder\n"
    )


def test_looking_up_imports_neither_tfx_nor_tensorflow(results):
    root, model = results
    program = (
        "import sys\n"
        "from rich.console import Console\n"
        "from tfx_pipeline.base_model import resolve_base_model\n"
        "from tfx_pipeline.config import load\n"
        f"config = resolve_base_model(load('demo', {{'training.base_model': {str(root)!r}}}), Console())\n"
        f"assert config.training.base_model == {model!r}, config.training.base_model\n"
        "heavy = {'tfx', 'tensorflow', 'keras', 'apache_beam'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.parametrize(
    ("command", "name"), [(["run"], "quick"), (["ablate", "--sweep", "seeds.yaml"], "quick-seeds")]
)
def test_the_command_says_which_model_it_is_and_runs_with_its_path(results, config_of, tmp_path, command, name):
    root, model = results
    config = config_of(tmp_path / "output", base_model=str(root)).to_mapping()
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "seeds.yaml").write_text("{about: seeds, preset: demo, rows: {one: {set: {training.seed: 1}}}}")
    arguments = [*ALIGN, *command, "--config", "mine.yaml"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as align:
        try:
            runs = tmp_path / "output" / name / "runs"
            deadline = time.monotonic() + 120
            while not (logs := list(runs.glob("*/log.txt"))):  # opened for the pipeline's process, after its config
                assert align.poll() is None, align.stdout.read()
                assert time.monotonic() < deadline, "no run within two minutes"
                time.sleep(0.1)
        finally:
            align.send_signal(signal.SIGINT)
        said, _ = align.communicate(timeout=60)
    (log,) = logs
    assert yaml.safe_load((log.parent / "config.yaml").read_text())["training"]["base_model"] == model
    assert said.count("base model: ") == 1
    assert f"base model: {model} (blessed 20" in said
