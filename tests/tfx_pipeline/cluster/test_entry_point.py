"""The entry point with an executor that writes down what it is handed, for each component, as each cluster asks.

`cluster_tasks` stands in for the clusters; no cluster ran.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx import version
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import Artifact, standard_artifacts
from tfx.utils import import_utils

import recording_executor
from cluster_tasks import ENVIRONMENT, FORMS, executor_input, published
from components import example_artifacts
from tfx_pipeline.cluster import entry_point
from tfx_pipeline.cluster.carrier import Carrier
from tfx_pipeline.cluster.description import component_description
from tfx_pipeline.cluster.source import source_fingerprint
from tfx_pipeline.cluster.wire import Artifacts
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.settings.config import build

SOURCE = source_fingerprint()
RECORDING = "recording_executor.Executor"
BEAM = "recording_executor.BeamExecutor"
ROOT = {"kubeflow": "minio://mlpipeline/v2/artifacts/mine/run-1", "vertex": ""}
CONFIG = {
    "name": "mine",
    "ingest": {"shards": "gs://bucket/shards"},
    "evaluation_sets": {"coco": {"shards": "gs://bucket/coco"}, "my-own": {"shards": "gs://bucket/mine"}},
    "validation": {"on_anomalies": "stop"},
}
PIPELINE = create_pipeline(build(CONFIG), artifact_root="gs://b/a", push_to="gs://b/p", checkpoints="gs://b/c")
COMPONENTS = {component.id: component for component in PIPELINE.components}


def say_all(made: Artifact) -> None:
    """Set what the component that makes an artifact of this kind says of it."""
    if isinstance(made, standard_artifacts.Examples):
        example_artifacts.describe(made, ["train", "seen"])
        example_artifacts.name_evaluation_set(made, "coco")
    if isinstance(made, standard_artifacts.ExampleStatistics | standard_artifacts.ExampleAnomalies):
        made.split_names = '["train", "seen"]'
    if isinstance(made, standard_artifacts.ExampleAnomalies):
        made.set_json_value_custom_property("blessed", {"train": 1, "seen": 0})
    made.set_int_custom_property("captions_read", 4218)


def is_all_there(made: Artifact) -> bool:
    said = [made.get_int_custom_property("captions_read") == 4218]
    if "split_names" in (made.PROPERTIES or {}):
        said.append(made.split_names == '["train", "seen"]')
    if isinstance(made, standard_artifacts.Examples):
        said.append(example_artifacts.evaluation_set(made) == "coco")
        said.append(made.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE")
    if isinstance(made, standard_artifacts.ExampleAnomalies):
        said.append(made.get_json_value_custom_property("blessed") == {"train": 1, "seen": 0})
    return all(said)


@dataclasses.dataclass(frozen=True)
class Container:
    """A container of one cluster, on whose disk the launcher's folders lie.

    Attributes:
      form: "kubeflow" or "vertex".
      disk: its folder.
    """

    form: str
    disk: Path

    @property
    def root(self) -> str:
        """Address of the task's folder."""
        return f"{ROOT[self.form] or self.disk}/task-7"

    def path(self, address: str) -> Path:
        return Path(address.replace("minio://", f"{self.disk}/minio/"))

    def ask(self, component: BaseComponent) -> str:
        """Returns what the cluster asks of the component, with artifacts that say all that they can."""
        description = component_description(component)
        inputs = {}
        for key, kind in description["inputs"].items():
            made = import_utils.import_class_by_path(kind)()
            made.uri = f"{self.root}/inputs/{key}"
            say_all(made)
            inputs[key] = published(self.form, key, kind, Artifacts(Carrier({})).write(made))
        constants = {
            name: value if isinstance(value, int | float) else str(value)  # as the compiler writes it
            for name, value in component.exec_properties.items()
            if name in description["parameters"]
        }
        output_file = self.path(f"{self.root}/executor_output.json")
        asked = executor_input(self.form, description, inputs, constants, self.root, str(output_file))
        json_format.Parse(asked, pipeline_spec_pb2.ExecutorInput())
        return asked

    def run(self, of: BaseComponent, *beam: str, **changes: str) -> int:
        """Returns the exit code of a component's container with the recording executor; changes are options."""
        options = {
            "executor": RECORDING,
            "component": json.dumps(component_description(of)),
            "source": SOURCE,
            "executor_input": changes.pop("executor_input", None) or self.ask(of),
            **changes,
        }
        given = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        environment = ENVIRONMENT if self.form == "kubeflow" else {}
        return entry_point.main([*given, "--", *beam], environment, str(self.disk))

    def said(self) -> dict:
        """Returns what the executor's output file says, which must be a message that Kubeflow's launcher parses."""
        text = self.path(f"{self.root}/executor_output.json").read_text(encoding="utf-8")
        json_format.Parse(text, pipeline_spec_pb2.ExecutorOutput())
        return json.loads(text)


@pytest.fixture(autouse=True)
def calls() -> None:
    """What is recorded is of one test alone."""
    recording_executor.CALLS.clear()


@pytest.fixture(params=FORMS)
def container(request, tmp_path) -> Container:
    return Container(request.param, tmp_path)


@pytest.fixture
def kubeflow(tmp_path) -> Container:
    return Container("kubeflow", tmp_path)


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_component_gets_its_artifacts_and_parameters(container, name):
    component = COMPONENTS[name]
    assert container.run(component) == 0
    _, inputs, outputs, parameters = recording_executor.CALLS.pop()
    assert {key: type(one) for key, (one,) in inputs.items()} == {key: c.type for key, c in component.inputs.items()}
    assert {key: type(one) for key, (one,) in outputs.items()} == {key: c.type for key, c in component.outputs.items()}
    assert all(is_all_there(one) for (one,) in inputs.values())
    folders = {Path(one.uri) for (one,) in inputs.values()}
    assert folders == {container.path(f"{container.root}/inputs/{key}") for key in inputs}
    given = {name: value for name, value in component.exec_properties.items() if value is not None}
    assert parameters == {
        name: value if isinstance(value, int | float) else str(value) for name, value in given.items()
    }
    for key, (made,) in outputs.items():
        assert Path(made.uri) == container.path(f"{container.root}/{key}")
        assert Path(made.uri).is_file() if isinstance(made, standard_artifacts.String) else Path(made.uri).is_dir()
    said = container.said()["artifacts"]
    assert {key: one["artifacts"][0]["uri"] for key, one in said.items()} == {
        key: f"{container.root}/{key}" for key in outputs
    }
    assert all(one["artifacts"][0]["metadata"]["tfx_version"] == version.__version__ for one in said.values())


def test_the_evaluators_verdict_names_the_model_as_the_cluster_does(container):
    asked = container.ask(COMPONENTS["Evaluator"])
    assert container.run(COMPONENTS["Evaluator"], executor_input=asked) == 0
    model = json.loads(asked)["inputs"]["artifacts"]["model"]["artifacts"][0]
    (blessing,) = container.said()["artifacts"]["blessing"]["artifacts"]
    assert blessing["metadata"] == {
        "blessed": 0,
        "current_model": model["uri"],
        "current_model_id": model["name"],
        "tfx_version": version.__version__,
    }


def test_a_value_is_an_artifact_and_an_output_parameter(container):
    description = {"inputs": {}, "outputs": {"version": "tfx.types.standard_artifacts.String"}, "parameters": {}}
    output_file = str(container.path(f"{container.root}/executor_output.json"))
    asked = executor_input(container.form, description, {}, {}, container.root, output_file)
    component = COMPONENTS["SchemaGen"]
    assert container.run(component, executor_input=asked, component=json.dumps(description)) == 0
    assert container.said()["parameterValues"] == {"version": "value of version"}
    assert container.path(f"{container.root}/version").read_text(encoding="utf-8") == "value of version"
    assert set(container.said()["artifacts"]) == {"version"}

    parameter_alone = json.loads(asked)
    parameter_alone["outputs"]["artifacts"] = {}
    parameter_alone["outputs"]["parameters"]["version"]["outputFile"] = str(container.disk / "outputs" / "version")
    changes = {"executor_input": json.dumps(parameter_alone), "component": json.dumps(description)}
    assert container.run(component, **changes) == 0
    assert container.said() == {"artifacts": {}, "parameterValues": {"version": "value of version"}}
    assert (container.disk / "outputs" / "version").read_text(encoding="utf-8") == "value of version"


def test_beam_hears_its_arguments_and_others_get_them_as_flags(kubeflow):
    flags = ["--runner=DirectRunner", "--direct_num_workers=2"]
    assert kubeflow.run(COMPONENTS["PairFilter"], *flags, "--sdk_container_image=none", executor=BEAM) == 0
    arguments, *_ = recording_executor.CALLS.pop()
    assert arguments[:2] == flags
    assert kubeflow.run(COMPONENTS["PairFilter"], *flags) == 0
    context, *_ = recording_executor.CALLS.pop()
    assert context.extra_flags == flags
    assert context.get_tmp_path() == f"{kubeflow.path(kubeflow.root)}/.temp/task-7/"


def test_what_an_attempt_before_left_is_gone(kubeflow):
    left = kubeflow.path(f"{kubeflow.root}/schema/half-written")
    left.parent.mkdir(parents=True)
    left.touch()
    assert kubeflow.run(COMPONENTS["SchemaGen"]) == 0
    _, _, outputs, _ = recording_executor.CALLS.pop()
    assert not any(Path(outputs["schema"][0].uri).iterdir())


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


def test_workers_elsewhere_are_refused_for_what_the_launcher_carries(kubeflow, capsys):
    assert kubeflow.run(COMPONENTS["PairFilter"], "--runner=FlinkRunner", executor=BEAM) == 1
    assert last_line(capsys).startswith("the workers of beam.runner = FlinkRunner cannot reach minio://mlpipeline/")


def test_the_module_runs_as_the_container_starts_it_and_imports_no_framework_to_refuse():
    command = [sys.executable, "-X", "importtime", "-m", "tfx_pipeline.cluster.entry_point"]
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
    assert "tfx_pipeline.cluster.task" in imported
    assert not imported & {"tfx", "tensorflow", "apache_beam", "google.protobuf", "absl", "numpy"}
