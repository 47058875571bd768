"""What stands behind every path of a config is in the cache: it changes, and what depends on it runs again, alone."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from absl import logging as absl_logging
from ml_metadata import MetadataStore
from ml_metadata.proto.metadata_store_pb2 import Execution
from quick_pipeline import REFUSED, quick_pipeline
from tfx.orchestration.metadata import sqlite_metadata_connection_config

from components.exporter.config import ExportConfig
from components.lookup import LookupDriver
from tfx_pipeline import local_runner
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.runs.folders import METADATA_FILE
from tfx_pipeline.runs.inputs import inputs_of
from tfx_pipeline.runs.run_record import read_record
from tfx_pipeline.settings.config import PATH_FIELDS, Config, build

INGESTED = "PairExampleGen StatisticsGen ExampleValidator AnomalyGate PairFilter Vocabulary"
JUDGED = "EvaluationSet-coco PairFilter Vocabulary"
# Field -> the file below it that is changed, the component that reads it, and those that read what that one makes.
CASES = {
    "ingest.shards": ("tables/a.csv", "PairFiles", INGESTED),
    "ingest.image_folder": ("images/0.png", "PairFiles", INGESTED),
    "evaluation_sets.*.shards": ("coco/a.tsv", "PairFiles-coco", JUDGED),
    "evaluation_sets.*.image_folder": ("coco_images/1.png", "PairFiles-coco", JUDGED),
    "validation.schema": ("schema.pbtxt", "Contents-CuratedSchema", "CuratedSchema ExampleValidator AnomalyGate"),
    "filter.neighbours.model.path": ("near.onnx", "Contents-PairFilter", "PairFilter Vocabulary"),
    "filter.unsafe.model.path": ("unsafe/variables/v", "Contents-PairFilter", "PairFilter Vocabulary"),
    "vocabulary.file": ("vocab.txt", "Contents-Vocabulary", "Vocabulary"),
    "training.base_model": ("base/weights.safetensors", "Contents-Trainer", ""),
}
OF_THE_MODEL = ("BaselineModel", "Evaluator", "ServingValidator", "Pusher")
UNTRAINED = {"validation.schema"}  # all else ends in the model
FILES = {
    "tables/a.csv": "image,caption\n0.png,a cat\n",
    "images/0.png": "picture 0",
    "coco/a.tsv": "image\tcaption\n1.png\ta dog\n",
    "coco_images/1.png": "picture 1",
    "schema.pbtxt": "# a schema",
    "near.onnx": "a model",
    "unsafe/variables/v": "numbers",
    "unsafe/saved_model.pb": "a graph",
    "vocab.txt": "[PAD]",
    "base/model.json": "{}",
    "base/weights.safetensors": "weights",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


def config_of(folder: Path) -> Config:
    model = {"image_px": 8, "scale": "bytes"}
    coco = {"shards": f"{folder}/coco", "format": "tsv", "image_folder": f"{folder}/coco_images"}
    return build(
        {
            "name": "quick",
            "output": f"{folder}/output",
            "ingest": {"shards": f"{folder}/tables", "format": "csv", "image_folder": f"{folder}/images"},
            "evaluation_sets": {"coco": coco},
            "validation": {"schema": f"{folder}/schema.pbtxt", "on_anomalies": "stop"},
            "filter": {
                "neighbours": {"model": {**model, "path": f"{folder}/near.onnx"}, "min_cosine": 0.9},
                "unsafe": {"model": {**model, "path": f"{folder}/unsafe"}, "threshold": 0.5},
            },
            "vocabulary": {"file": f"{folder}/vocab.txt"},
            "training": {"base_model": f"{folder}/base", "seed": REFUSED},
        }
    )


def replace(path: Path) -> None:
    """Put other content of the same size in the place of a file, and give it the file's own time."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def rename_over(path: Path) -> None:
    """Put a file in the place of another by a rename, as programs do that write aside."""
    aside = path.with_name("aside")
    aside.write_bytes(path.read_bytes()[::-1])
    os.utime(aside, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    aside.rename(path)


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def remove(path: Path) -> None:
    path.unlink()
    if not any(path.parent.iterdir()):  # where it was the only shard, there is another
        path.with_name(f"z{path.suffix}").touch()


def link(path: Path) -> None:
    """Put a link to a file of other content in the place of a file."""
    path.with_name("other.bak").write_bytes(path.read_bytes()[::-1])
    path.unlink()
    path.symlink_to("other.bak")


def keys(config: Config) -> dict[str, tuple]:
    """Returns what TFX's cache key of each component has in it, beside its inputs."""
    pipeline = create_pipeline(config, artifact_root="a", push_to="p", checkpoints="c")
    found = {}
    for component in pipeline.components:
        properties = {key: value for key, value in component.exec_properties.items() if isinstance(value, str | int)}
        looks_up = issubclass(component.driver_class, LookupDriver) and not component.inputs
        looked_up = component.driver_class.EXECUTOR.look_up({}, properties) if looks_up else None
        found[component.id] = (properties, looked_up)
    return found


def test_every_path_of_the_config_has_a_case():
    assert CASES.keys() == {*PATH_FIELDS} - {"output"}


@pytest.mark.parametrize("change", [replace, rename_over, grow, remove, link])
@pytest.mark.parametrize("field", CASES)
def test_a_change_behind_a_path_is_in_the_key_of_what_reads_it_and_of_nothing_else(folder, field, change):
    file, reader, _ = CASES[field]
    config = config_of(folder)
    before, inputs = keys(config), inputs_of(config)
    assert (keys(config), inputs_of(config)) == (before, inputs)
    change(folder / file)
    after = keys(config)
    assert inputs_of(config) != inputs
    assert {name for name in before if before[name] != after[name]} == {reader}


class Runs:
    """Runs of one quick pipeline."""

    def __init__(self, config: Config) -> None:
        self.config, self._number = config, 0

    def __call__(self, *rerun: str) -> set[str]:
        """Run it; returns the components whose result did not come from the cache."""
        self._number += 1
        self.run_dir = self.config.root / "runs" / f"r{self._number}"
        self.run_dir.mkdir(parents=True)
        local_runner.run(self.config, self.run_dir, rerun)
        record = read_record(self.run_dir)
        states = {each.id: each.state for each in record.components}
        assert set(states.values()) <= {"complete", "cached"}
        return {name for name, state in states.items() if state == "complete"}


@pytest.fixture
def run(folder, monkeypatch) -> Iterator[Runs]:
    monkeypatch.setattr(local_runner, "create_pipeline", quick_pipeline)
    before = absl_logging.get_verbosity()
    absl_logging.set_verbosity(absl_logging.INFO)  # as the pipeline's process does: a run's events are TFX's messages
    yield Runs(config_of(folder))
    absl_logging.set_verbosity(before)


def test_run_after_run_tfx_takes_from_the_cache_what_no_change_concerns(folder, run):
    run()
    assert run() == set()
    for field, (file, reader, readers) in CASES.items():
        replace(folder / file)
        trained = set() if field in UNTRAINED else {"Trainer", *OF_THE_MODEL}
        expected = {reader, *readers.split()} | trained
        assert run() == expected, field
    assert run() == set()


def test_a_picture_that_was_missing_is_looked_for_again(folder, run):
    (folder / "images/0.png").unlink()
    run()
    assert run() == set()
    (folder / "images/0.png").write_bytes(b"there")
    assert "PairExampleGen" in run()


def test_what_no_table_names_concerns_no_component(folder, run):
    run()
    for name in ("images/1.png", "tables/query.png", "tables/mine.yaml", "tables/.a.csv.lock", "coco/~notes"):
        (folder / name).write_bytes(b"something")
    assert run() == set()


def test_a_copied_folder_of_results_takes_them_from_the_original_and_a_linked_one_is_known(folder, run):
    run()
    made, copy, moved = run.config.root, folder / "copy" / "quick", folder / "moved" / "quick"
    shutil.copytree(made, copy)
    moved.parent.mkdir()
    run.config = dataclasses.replace(run.config, output=str(copy.parent))
    assert run() == {"BaselineModel", "Evaluator", "Pusher"}  # the copy has pushed models of its own
    made.rename(moved)
    made.symlink_to(moved)
    run.config = dataclasses.replace(run.config, output=str(moved.parent))
    assert run() == set()


def test_rerun_forces_a_component_and_what_reads_it_and_later_runs_take_the_new_result(folder, run):
    run()
    first = read_record(run.run_dir)
    assert run("Vocabulary") == {"Vocabulary", "Trainer", *OF_THE_MODEL}
    forced = read_record(run.run_dir)
    assert forced.output("Vocabulary", "vocabulary") != first.output("Vocabulary", "vocabulary")
    assert run() == set()
    after = read_record(run.run_dir)
    for name, key in (("Vocabulary", "vocabulary"), ("Trainer", "model"), ("Pusher", "pushed_model")):
        assert after.output(name, key) == forced.output(name, key)
    assert run("ExampleValidator", "Pusher") == {"ExampleValidator", "AnomalyGate", "Pusher"}


def test_another_precision_writes_the_model_anew_and_trains_nothing(run):
    run()
    run.config = dataclasses.replace(run.config, export=ExportConfig("bfloat16"))
    assert run() == {"Exporter", *OF_THE_MODEL}
    record = read_record(run.run_dir)
    assert record.model == record.output("Exporter", "model") != record.output("Trainer", "model")
    assert run() == set()


def test_a_cached_result_says_since_when_it_stands(folder, run):
    run()
    run("Vocabulary")
    run()
    record = read_record(run.run_dir)
    store = MetadataStore(sqlite_metadata_connection_config(str(record.root / METADATA_FILE)))
    ended = {"PairExampleGen": [], "AnomalyGate": [], "Vocabulary": []}
    for execution in store.get_executions():
        for name, times in ended.items():
            (node,) = (each for each in store.get_contexts_by_execution(execution.id) if each.type == "node")
            if node.name == f"quick.{name}" and execution.last_known_state == Execution.COMPLETE:
                times.append(execution.last_update_time_since_epoch / 1000)
    assert record.component("PairExampleGen").since == ended["PairExampleGen"][0]
    assert record.component("AnomalyGate").since == ended["AnomalyGate"][0]  # it has no output
    assert record.component("Vocabulary").since == max(ended["Vocabulary"])
    assert len(ended["Vocabulary"]) == 2


def test_a_base_models_other_content_is_another_training(folder):
    from models.config import ModelConfig
    from models.trainer import _identity
    from models.training_config import TrainingConfig

    def identity() -> str:
        return _identity(ModelConfig(), TrainingConfig(base_model=f"{folder}/base"), [])

    before = identity()
    assert identity() == before
    (folder / "base/model.json").write_text(json.dumps({"weights": 1}))
    assert identity() != before
