"""The compiled PairFilter, run here by the entry point that its container has on Kubeflow and Vertex.

What a cluster adds, its scheduler and its metadata service, is not here: the test hands the artifacts over.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from components.artifacts import FILTER_REPORT_FILE
from filter_corpus import Row, write_examples
from tfx_pipeline.config import build
from tfx_pipeline.kubeflow_runner import compile_pipeline

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


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
def test_the_filter_takes_every_evaluation_set(sources, tmp_path, platform):
    sets = {name: {"shards": f"gs://bucket/{name}"} for name in SETS}
    config = build(
        {
            "name": "mine",
            "ingest": {"shards": "gs://bucket/shards"},
            "evaluation_sets": sets,
            "filter": {"shorter_side_above_px": 1},
        }
    )
    path = compile_pipeline(config, platform=platform, image="image:1", root="gs://bucket", folder=tmp_path)
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    spec = written["pipelineSpec"] if platform == "vertex" else written
    asked = invocation(spec, "PairFilter", sources, tmp_path)
    container = spec["deploymentSpec"]["executors"]["PairFilter_executor"]["container"]
    arguments = [json.dumps(asked) if argument == "{{$}}" else argument for argument in container["args"]]
    command = [sys.executable, "-m", ENTRY_POINT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads((tmp_path / "report" / FILTER_REPORT_FILE).read_text(encoding="utf-8"))
    assert report["splits"]["train"]["images"] == {"read": 8, "kept": 5, "dropped": {"evaluation_image": 3}}
    samples = {sample["record"]: sample["detail"] for sample in report["samples"]["evaluation_image"]}
    found_in = {"r2": "coco", "r5": "flickr30k", "r7": "my-own"}
    assert samples == {record: f"a copy of an image of {name!r}" for record, name in found_in.items()}


def invocation(spec: dict, task: str, sources: dict[str, dict], folder: Path) -> dict:
    """Returns the ExecutorInput that a cluster makes of a task: its artifacts, parameters and output file."""
    component, inputs = spec["components"][task], spec["root"]["dag"]["tasks"][task]["inputs"]
    wanted, made = component["inputDefinitions"]["artifacts"], component["outputDefinitions"]["artifacts"]
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
