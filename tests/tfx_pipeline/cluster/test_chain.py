"""The compiled pipeline's data half, container by container, with artifacts as open-source Kubeflow has them.

`cluster_tasks.Launcher` stands in for Kubeflow: each container has a disk of its own, to which inputs are downloaded
and from which outputs are uploaded, and hears of artifacts what Kubeflow's metadata keep of them. No cluster ran.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster_tasks import ENVIRONMENT, Launcher, executor_input, published
from components.artifact_files import FILTER_REPORT_FILE, INGEST_REPORT_FILE, VOCABULARY_FILE
from filter_corpus import Row, draw
from tfx_pipeline.cluster.container import entry_point
from tfx_pipeline.kubeflow_runner import compile_pipeline
from tfx_pipeline.settings.config import build

ROOT = "minio://mlpipeline/v2/artifacts/mine/run-1"
SETS = {"coco": [2], "flickr30k": [5, 90], "my-own": [7]}  # the pictures of each


class Cluster:
    """Runs containers of a compiled pipeline one after the other.

    Attributes:
      launcher: holds the store.
      outputs: (task, key) -> what the next container hears of the artifact.
      parameters: (task, key) -> the value that it hears.
    """

    def __init__(self, folder: Path, config: dict) -> None:
        self.launcher = Launcher(folder)
        self.outputs: dict[tuple[str, str], dict] = {}
        self.parameters: dict[tuple[str, str], str] = {}
        path = compile_pipeline(build(config), platform="kubeflow", image="image:1", root="gs://b", folder=folder)
        self._spec = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
        self._codes: dict[str, int] = {}

    def run(self, task: str) -> int:
        """Returns the exit code of a task's container, once those before it ended well; -1 where one did not."""
        if task not in self._codes:
            before = self._spec["root"]["dag"]["tasks"][task].get("dependentTasks", [])
            self._codes[task] = self._start(task) if all(self.run(name) == 0 for name in before) else -1
        return self._codes[task]

    def _start(self, task: str) -> int:
        wired = self._spec["root"]["dag"]["tasks"][task]["inputs"]
        component = self._spec["components"][task]
        made = component.get("outputDefinitions", {})
        taken = {key: one["taskOutputArtifact"] for key, one in wired.get("artifacts", {}).items()}
        inputs = {key: self.outputs[one["producerTask"], one["outputArtifactKey"]] for key, one in taken.items()}
        disk = self.launcher.download(inputs)
        task_root = f"{ROOT}/{task}/salt"
        output_file = disk / task_root.replace("minio://", "minio/") / "output_metadata.json"
        asked = executor_input(
            "kubeflow",
            made.get("artifacts", {}),
            made.get("parameters", {}),
            inputs,
            {name: self._value(one) for name, one in wired.get("parameters", {}).items()},
            task_root,
            str(output_file),
        )
        container = self._spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
        assert container["command"][2].endswith(f'exec python -m {entry_point.__name__} "$@"')
        arguments = [asked if argument == "{{$}}" else argument for argument in container["args"]]
        code = entry_point.main(arguments, ENVIRONMENT, str(disk))
        if code == 0:
            self._publish(task, disk, json.loads(output_file.read_text(encoding="utf-8")))
        return code

    def _value(self, given: dict) -> Any:
        if "runtimeValue" in given:
            return given["runtimeValue"]["constant"]
        answer = given["taskOutputParameter"]
        return self.parameters[answer["producerTask"], answer["outputParameterKey"]]

    def _publish(self, task: str, disk: Path, said: dict) -> None:
        for key, (artifact,) in ((key, of["artifacts"]) for key, of in said["artifacts"].items()):
            self.launcher.upload(disk, artifact["uri"])
            self.outputs[task, key] = published("kubeflow", key, "", artifact)
        for key, value in said["parameterValues"].items():
            self.parameters[task, key] = value

    def folder(self, task: str, key: str) -> Path:
        """Returns where the store has an output."""
        return self.launcher.store / self.outputs[task, key]["uri"].removeprefix("minio://")


def write_shard(path: Path, pictures: Sequence[int], language: str = "en") -> None:
    """Write a tar shard in img2dataset's layout, of pictures that differ, each with a caption of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for number in pictures:
            image = draw(Row(f"r{number}", "train", number, "PNG", (40, 40), ()))
            caption = f"a cat number {number} asleep".encode()
            about = json.dumps({"language": language}).encode()
            for extension, content in ("png", image), ("txt", caption), ("json", about):
                member = tarfile.TarInfo(f"{number}.{extension}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> Cluster:
    """The data half of eight pairs, of which three show pictures of evaluation sets."""
    folder = tmp_path_factory.mktemp("cluster")
    write_shard(folder / "shards" / "0.tar", range(8))
    for name, pictures in SETS.items():
        write_shard(folder / name / "0.tar", pictures)
    cluster = Cluster(
        folder,
        {
            "name": "mine",
            "ingest": {"shards": str(folder / "shards"), "hash_split": {"train": 1}, "language_field": "language"},
            "evaluation_sets": {name: {"shards": str(folder / name)} for name in SETS},
            "filter": {"shorter_side_above_px": 1, "min_words": 1},
            "vocabulary": {"min_word_count": 1},
            "evaluation": {"splits": ["train"]},
            "validation": {"on_anomalies": "stop"},
        },
    )
    assert cluster.run("Vocabulary") == 0
    return cluster


def test_the_fingerprint_of_the_files_is_a_parameter_of_what_reads_them(ran):
    assert len(ran.parameters) == len({*ran.parameters.values()}) == 1 + len(SETS)
    assert {key for _, key in ran.parameters} == {"fingerprint"}
    assert all(ran.parameters.values())


def test_all_pairs_are_ingested(ran):
    report = json.loads((ran.folder("PairExampleGen", "report") / INGEST_REPORT_FILE).read_text(encoding="utf-8"))
    assert report["splits"]["train"]["images"] == {"read": 8, "kept": 8, "dropped": {}}
    metadata = ran.outputs["PairExampleGen", "examples"]["metadata"]
    assert (metadata["split_names"], metadata["file_format"]) == ('["train"]', "tfrecords_gzip")


def test_statistics_schema_and_anomalies_are_of_the_split(ran):
    for name, key in ("StatisticsGen", "statistics"), ("ExampleValidator", "anomalies"):
        assert ran.outputs[name, key]["metadata"]["split_names"] == '["train"]'
        assert [folder.name for folder in ran.folder(name, key).iterdir()] == ["Split-train"]
    assert "caption/text" in (ran.folder("SchemaGen", "schema") / "schema.pbtxt").read_text(encoding="utf-8")


def test_the_filter_takes_every_evaluation_set(ran):
    report = json.loads((ran.folder("PairFilter", "report") / FILTER_REPORT_FILE).read_text(encoding="utf-8"))
    assert report["splits"]["train"]["images"] == {"read": 8, "kept": 5, "dropped": {"evaluation_image": 3}}
    details = {sample["detail"] for sample in report["samples"]["evaluation_image"]}
    assert details == {f"a copy of an image of {name!r}" for name in SETS}


def test_the_vocabulary_is_of_what_the_filter_kept(ran):
    pieces = (ran.folder("Vocabulary", "vocabulary") / VOCABULARY_FILE).read_text(encoding="utf-8").splitlines()
    assert pieces[:2] == ["[PAD]", "[UNK]"]
    assert "cat" in pieces
    assert ran.outputs["Vocabulary", "vocabulary"]["metadata"]["pieces"] == len(pieces)


def test_the_gate_fails_its_container_on_an_anomaly(tmp_path, capfd):
    write_shard(tmp_path / "shards" / "0.tar", range(4), language="de")
    write_shard(tmp_path / "shards" / "1.tar", range(4, 8))
    schema = tmp_path / "schema.pbtxt"
    schema.write_text(
        'feature { name: "caption/language" type: BYTES domain: "languages" }\n'
        'string_domain { name: "languages" value: "en" }\n',
        encoding="utf-8",
    )
    cluster = Cluster(
        tmp_path,
        {
            "name": "mine",
            "ingest": {"shards": str(tmp_path / "shards"), "hash_split": {"train": 1}, "language_field": "language"},
            "evaluation": {"splits": ["train"]},
            "validation": {"schema": str(schema), "on_anomalies": "stop"},
        },
    )
    assert [cluster.run(task) for task in ("CuratedSchema", "ExampleValidator", "AnomalyGate")] == [0, 0, 1]
    assert (
        capfd.readouterr()
        .err.splitlines()[-1]
        .startswith("the data break the schema: split 'train', feature 'caption/language'")
    )
