"""The pipeline's data half, container by container by the entry point, with artifacts as open-source Kubeflow has them.

`cluster_tasks.Launcher` stands in for Kubeflow: each container has a disk of its own, to which inputs are downloaded
and from which outputs are uploaded, and hears of artifacts what Kubeflow's metadata keep of them. No cluster ran.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from tfx.dsl.components.base.base_component import BaseComponent

from cluster_tasks import ENVIRONMENT, Launcher, executor_input, published
from components.artifact_files import FILTER_REPORT_FILE, INGEST_REPORT_FILE, VOCABULARY_FILE
from components.evaluator.stored.baseline import build_baseline_resolver
from filter_corpus import Row, draw
from tfx_pipeline.cluster import entry_point
from tfx_pipeline.cluster.description import component_description
from tfx_pipeline.cluster.source import source_fingerprint
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.settings.config import build

ROOT = "minio://mlpipeline/v2/artifacts/mine/run-1"
SETS = {"coco": [2], "flickr30k": [5, 90], "my-own": [7]}  # the pictures of each
BEFORE_THE_GATE = ("PairExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator")


class Cluster:
    """Runs components one after the other.

    Attributes:
      launcher: holds the store.
      outputs: (component, key) -> what the next container hears of the artifact.
    """

    def __init__(self, folder: Path, config: dict) -> None:
        self.launcher = Launcher(folder)
        self.outputs: dict[tuple[str, str], dict] = {}
        self._beam = build(config).beam.pipeline_args()
        pipeline = create_pipeline(
            build(config), artifact_root=ROOT, push_to="gs://b/p", resolve_baseline=build_baseline_resolver
        )
        self._components = {node.id: node for node in pipeline.components if isinstance(node, BaseComponent)}

    def run(self, name: str) -> int:
        """Returns the exit code of a component's container; what it made is uploaded where it ended well."""
        component = self._components[name]
        description = component_description(component)
        inputs = {
            key: self.outputs[channel.producer_component_id, channel.output_key]
            for key, channel in component.inputs.items()
        }
        disk = self.launcher.download(inputs)
        task_root = f"{ROOT}/{name}/salt"
        output_file = disk / task_root.replace("minio://", "minio/") / "output_metadata.json"
        constants = {name: component.exec_properties[name] for name in description["parameters"]}
        options = {
            "executor": f"{component.executor_spec.executor_class.__module__}.Executor",
            "component": json.dumps(description),
            "source": source_fingerprint(),
            "executor-input": executor_input("kubeflow", description, inputs, constants, task_root, str(output_file)),
        }
        given = [word for option, value in options.items() for word in (f"--{option}", value)]
        code = entry_point.main([*given, "--", *self._beam], ENVIRONMENT, str(disk))
        if code == 0:
            said = json.loads(output_file.read_text(encoding="utf-8"))["artifacts"]
            for key, kind in description["outputs"].items():
                (artifact,) = said[key]["artifacts"]
                self.launcher.upload(disk, artifact["uri"])
                self.outputs[name, key] = published("kubeflow", key, kind, artifact)
        return code

    def folder(self, name: str, key: str) -> Path:
        """Returns where the store has an output."""
        return self.launcher.store / self.outputs[name, key]["uri"].removeprefix("minio://")


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
    names = [*BEFORE_THE_GATE, "AnomalyGate", *(f"EvaluationSet-{name}" for name in SETS), "PairFilter", "Vocabulary"]
    assert {name: cluster.run(name) for name in names} == dict.fromkeys(names, 0)
    return cluster


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
    names = [name.replace("SchemaGen", "CuratedSchema") for name in BEFORE_THE_GATE]
    assert [cluster.run(name) for name in names] == [0, 0, 0, 0]
    assert cluster.run("AnomalyGate") == 1
    assert (
        capfd.readouterr()
        .err.splitlines()[-1]
        .startswith("the data break the schema: split 'train', feature 'caption/language'")
    )
