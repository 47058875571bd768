"""What a container says when it fails: the cause is the last line, and no output file is there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import recording_executor
from recorded_components import BEAM, COMPONENTS, SOURCE
from tfx_pipeline.cluster.compiling.description import component_description

INPUTS = {"StatisticsGen": "examples", "PairFilter": "unfiltered_examples"}


def last_line(capsys) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_an_executor_that_fails_leaves_no_output_file_and_a_last_line(kubeflow, capsys):
    assert kubeflow.run(COMPONENTS["SchemaGen"], executor="recording_executor.Failing") == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.splitlines()[-1] == "nothing is left to train on; lower it"
    assert not kubeflow.path(f"{kubeflow.root}/executor_output.json").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"source": "0" * 64},
            f"this image holds the source {SOURCE[:12]} and the pipeline was compiled from 000000000000; build the "
            "image from the checkout that compiles, or compile with the version in the image",
        ),
        (
            {"executor": "components.gone.executor.Executor"},
            "--executor is components.gone.executor.Executor, which this image cannot import (No module named "
            "'components.gone'); build the image from the checkout that compiles the pipeline",
        ),
        ({"component": "{"}, "--component is no JSON ("),
    ],
)
def test_a_wrong_image_is_said(kubeflow, capsys, changes, sentence):
    assert kubeflow.run(COMPONENTS["SchemaGen"], **changes) == 1
    assert last_line(capsys).startswith(sentence)


def test_a_type_that_the_image_lacks_is_said(kubeflow, capsys):
    description = component_description(COMPONENTS["SchemaGen"])
    description["outputs"]["schema"] = "components.artifacts.Gone"
    assert kubeflow.run(COMPONENTS["SchemaGen"], component=json.dumps(description)) == 1
    assert last_line(capsys).startswith("the type of 'schema' is components.artifacts.Gone, which this image cannot")


def test_a_root_that_cannot_be_written_is_said_before_the_executor_runs(kubeflow, capsys):
    (kubeflow.disk / "minio").write_text("a file where the launcher has a folder", encoding="utf-8")
    assert kubeflow.run(COMPONENTS["SchemaGen"]) == 1
    assert last_line(capsys) == (
        f"the output 'schema' cannot be written to {kubeflow.root}/schema ([Errno 20] Not a directory: "
        f"'{kubeflow.disk}/minio/mlpipeline'); give `align compile` a --root that the cluster's containers may write"
    )
    assert not recording_executor.CALLS


@pytest.mark.parametrize("name", ["StatisticsGen", "PairFilter"])
def test_a_file_of_examples_without_a_byte_is_said_before_the_executor_runs(kubeflow, capsys, name):
    split = kubeflow.path(f"{kubeflow.root}/inputs/{INPUTS[name]}/Split-train")
    split.mkdir(parents=True)
    (split / "data_tfrecord-00000-of-00002.gz").write_bytes(b"not empty")
    assert kubeflow.run(COMPONENTS[name]) == 0
    (split / "data_tfrecord-00001-of-00002.gz").touch()
    recording_executor.CALLS.clear()
    assert kubeflow.run(COMPONENTS[name]) == 1
    assert last_line(capsys).startswith(
        f"{kubeflow.root}/inputs/{INPUTS[name]}/Split-train/data_tfrecord-00001-of-00002.gz has no byte, so it is a"
    )
    assert not recording_executor.CALLS


def test_workers_elsewhere_are_refused_for_what_the_launcher_carries(kubeflow, capsys):
    assert kubeflow.run(COMPONENTS["PairFilter"], "--runner=FlinkRunner", executor=BEAM) == 1
    assert last_line(capsys).startswith("the workers of beam.runner = FlinkRunner cannot reach minio://mlpipeline/")


def test_the_module_runs_as_the_container_starts_it_and_imports_no_framework_to_refuse():
    command = [sys.executable, "-X", "importtime", "-m", "tfx_pipeline.cluster.container.entry_point"]
    options = [
        "--executor",
        "x.Y",
        "--component",
        "{}",
        "--source",
        "0" * 64,
        "--executor-input",
        "{}",
        "--",
        "--runner=X",
    ]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"this image holds the source {SOURCE[:12]} and ")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "tfx_pipeline.cluster.container.task" in imported
    assert not imported & {"tfx", "tensorflow", "apache_beam", "google.protobuf", "absl", "numpy"}
