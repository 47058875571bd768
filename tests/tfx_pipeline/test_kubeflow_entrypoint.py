"""Compiled PairFilter and AnomalyGate, run here by the entry point that their containers have on Kubeflow and Vertex.

What a cluster adds, its scheduler and its metadata service, is not here: the test hands the artifacts over.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator.executor import DEFAULT_FILE_NAME

from components.artifact_files import FILTER_REPORT_FILE
from filter_corpus import Row, write_examples
from tfx_pipeline.kubeflow_runner import compile_pipeline
from tfx_pipeline.settings.config import build

ENTRY_POINT = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
SETS = ("coco", "flickr30k", "my-own")


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, dict]:
    """Returns producing task -> its Examples as the metadata service describes them: train holds pictures 0 to 7."""
    folder = tmp_path_factory.mktemp("examples")
    pictures = {"PairExampleGen": range(8), "EvaluationSet.coco": [2], "EvaluationSet.flickr30k": [5, 90]}
    pictures["EvaluationSet.my-own"] = [7]
    made = {}
    for task, numbers in pictures.items():
        split, kind = ("train", "PNG") if task == "PairExampleGen" else ("test", "BMP")
        rows = [Row(f"r{n}", split, n, f"{kind}{n}", (40, 40), ("a cat asleep",)) for n in numbers]
        examples = write_examples(str(folder / task), rows, files=2)
        metadata = {"split_names": examples.split_names, "evaluation_set": task.partition(".")[2]}
        made[task] = {"name": task, "uri": examples.uri, "metadata": metadata}
    return made


def compiled(platform: str, folder: Path, **sections) -> dict:
    config = build({"name": "mine", "ingest": {"shards": "gs://bucket/shards"}, **sections})
    path = compile_pipeline(config, platform=platform, image="image:1", root="gs://bucket", folder=folder)
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    return written["pipelineSpec"] if platform == "vertex" else written


def execute(spec: dict, task: str, sources: dict[str, dict], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a task as its container does, with its outputs in a folder."""
    asked = json.dumps(invocation(spec, task, sources, folder))
    container = spec["deploymentSpec"]["executors"][f"{task}_executor"]["container"]
    arguments = [asked if argument == "{{$}}" else argument for argument in container["args"]]
    command = [sys.executable, "-m", ENTRY_POINT, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_filter_takes_every_evaluation_set(sources, tmp_path):
    sets = {name: {"shards": f"gs://bucket/{name}"} for name in SETS}
    spec = compiled("vertex", tmp_path, evaluation_sets=sets, filter={"shorter_side_above_px": 1})
    done = execute(spec, "PairFilter", sources, tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads((tmp_path / "report" / FILTER_REPORT_FILE).read_text(encoding="utf-8"))
    assert report["splits"]["train"]["images"] == {"read": 8, "kept": 5, "dropped": {"evaluation_image": 3}}
    samples = {sample["record"]: sample["detail"] for sample in report["samples"]["evaluation_image"]}
    found_in = {"r2": "coco", "r5": "flickr30k", "r7": "my-own"}
    assert samples == {record: f"a copy of an image of {name!r}" for record, name in found_in.items()}


def test_the_gate_fails_its_container_on_an_anomaly(tmp_path):
    spec = compiled("kubeflow", tmp_path, validation={"on_anomalies": "stop"})
    found = {"severity": "ERROR", "description": "Column is completely missing"}
    for split, anomalies in (("train", {"caption/text": found}), ("validation", {})):
        (tmp_path / f"Split-{split}").mkdir()
        message = json_format.ParseDict({"anomaly_info": anomalies}, anomalies_pb2.Anomalies())
        (tmp_path / f"Split-{split}" / DEFAULT_FILE_NAME).write_bytes(message.SerializeToString())

    described = {"name": "a", "uri": str(tmp_path), "metadata": {"split_names": '["train", "validation"]'}}
    stopped = execute(spec, "AnomalyGate", {"ExampleValidator": described}, tmp_path)
    assert stopped.returncode == 1
    assert "split 'train', feature 'caption/text': Column is completely missing; mend the data" in stopped.stderr


def invocation(spec: dict, task: str, sources: dict[str, dict], folder: Path) -> dict:
    """Returns the ExecutorInput that a cluster makes of a task: its artifacts, parameters and output file."""
    component, inputs = spec["components"][task], spec["root"]["dag"]["tasks"][task]["inputs"]
    wanted, made = (component.get(kind, {}).get("artifacts", {}) for kind in ("inputDefinitions", "outputDefinitions"))
    artifacts = {
        key: {**sources[taken["taskOutputArtifact"]["producerTask"]], "type": wanted[key]["artifactType"]}
        for key, taken in inputs["artifacts"].items()
    }
    outputs = {key: {"name": key, "uri": str(folder / key), "type": of["artifactType"]} for key, of in made.items()}
    constants = {name: value["runtimeValue"] for name, value in inputs["parameters"].items()}
    return {
        "inputs": {
            "artifacts": {key: {"artifacts": [artifact]} for key, artifact in artifacts.items()},
            "parameters": {name: value.get("constantValue", {}) for name, value in constants.items()},
            "parameterValues": {name: value["constant"] for name, value in constants.items() if "constant" in value},
        },
        "outputs": {
            "artifacts": {key: {"artifacts": [artifact]} for key, artifact in outputs.items()},
            "outputFile": str(folder / "task" / "executor_output.json"),
        },
    }
