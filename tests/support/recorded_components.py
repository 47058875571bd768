"""The pipeline's components in containers that write down what they are handed, as either cluster asks them.

`cluster_tasks` stands in for the clusters; no cluster ran.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import Artifact, standard_artifacts
from tfx.utils import import_utils

from cluster_tasks import ENVIRONMENT, executor_input, published
from components import example_artifacts
from tfx_pipeline.cluster.compiling.description import component_description
from tfx_pipeline.cluster.container import entry_point
from tfx_pipeline.cluster.container.carrier import Carrier
from tfx_pipeline.cluster.container.source import source_fingerprint
from tfx_pipeline.cluster.container.wire import Artifacts
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


def constant(value: object) -> int | float | str:
    """Returns an exec property as the compiler writes it."""
    return value if isinstance(value, int | float) else str(value)


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
            name: constant(value)
            for name, value in component.exec_properties.items()
            if name in description["parameters"]
        }
        output_file = self.path(f"{self.root}/executor_output.json")
        values = [key for key, kind in description["outputs"].items() if kind.endswith(".String")]
        outputs = description["outputs"]
        asked = executor_input(self.form, outputs, values, inputs, constants, self.root, str(output_file))
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
