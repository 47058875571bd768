"""The whole pipeline's data half on data that break a curated schema: it goes on, or it ends before the filter."""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path

import pytest
import yaml
from pipeline_here import pipelines_here
from tfx import v1 as tfx
from tfx.orchestration.pipeline import RunOptions
from typer.testing import CliRunner

from components.artifact_files import ANOMALIES_FILE
from tfx_pipeline.cli import app
from tfx_pipeline.commands.run import check
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.runs.run_record import latest_run_dir, read_record
from tfx_pipeline.settings.config import ConfigError, build

SENTENCE = (
    "the data break the schema: split 'train', feature 'caption/language': Examples contain values missing from the "
    "schema: de (~25%); mend the data, allow it in validation.schema = '{schema}', or set validation.on_anomalies to "
    "'report'"
)


@pytest.fixture(scope="module")
def shards(tmp_path_factory, coloured_png) -> Path:
    """Eight pairs, of which two have German captions."""
    folder = tmp_path_factory.mktemp("shards")
    with tarfile.open(folder / "0.tar", "w") as archive:
        for number in range(8):
            language = {"language": "de" if number < 2 else "en"}
            image = coloured_png(30 * number, 0, 0)
            for extension, content in ("png", image), ("txt", b"a small cat"), ("json", json.dumps(language).encode()):
                member = tarfile.TarInfo(f"{number}.{extension}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return folder


def config_of(shards: Path, output: Path, **validation):
    ingest = {"shards": str(shards), "hash_split": {"train": 1}, "language_field": "language"}
    rules = {"shorter_side_above_px": 1}
    judged = {"splits": ["train"]}
    sections = {"ingest": ingest, "filter": rules, "evaluation": judged, "validation": validation}
    return build({"name": "mine", "output": str(output), **sections})


def run_data_half(config) -> None:
    """Run what the filter and the validator need of the pipeline."""
    pipeline = create_pipeline(
        config,
        artifact_root=str(config.root / "artifacts"),
        push_to=str(config.root / "pushed"),
        checkpoints=str(config.root / "checkpoints"),
        metadata=tfx.orchestration.metadata.sqlite_metadata_connection_config(str(config.root / "metadata.sqlite")),
    )
    options = RunOptions(to_nodes=["ExampleValidator", "PairFilter"])
    tfx.orchestration.LocalDagRunner().run(pipeline, run_options=options)


def executions(config, component: str, key: str) -> list[Path]:
    """Returns the folders that a component's executions left, in order."""
    return sorted((config.root / "artifacts" / component / key).glob("*"), key=lambda folder: int(folder.name))


@pytest.fixture(scope="module")
def schema(shards, tmp_path_factory) -> str:
    """The text of a schema that SchemaGen inferred of these data, but for German, which was struck out by hand."""
    config = config_of(shards, tmp_path_factory.mktemp("inferred"))
    run_data_half(config)
    assert executions(config, "PairFilter", "report")
    (made,) = executions(config, "SchemaGen", "schema")
    inferred = (made / "schema.pbtxt").read_text(encoding="utf-8")
    assert inferred.count('  value: "de"\n') == 1
    return inferred.replace('  value: "de"\n', "")


def test_anomalies_are_reported_and_the_run_goes_on(shards, schema, tmp_path):
    path = tmp_path / "schema.pbtxt"
    path.write_text(schema, encoding="utf-8")
    config = config_of(shards, tmp_path, schema=str(path))
    run_data_half(config)
    (found,) = executions(config, "ExampleValidator", "anomalies")
    assert b"de (~25%)" in (found / "Split-train" / ANOMALIES_FILE).read_bytes()
    assert executions(config, "PairFilter", "report")


def test_anomalies_stop_the_run_until_the_schema_allows_them(shards, schema, tmp_path):
    path = tmp_path / "schema.pbtxt"
    path.write_text(schema, encoding="utf-8")
    config = config_of(shards, tmp_path, schema=str(path), on_anomalies="stop")
    for _ in range(2):  # a failure is no result for the cache
        with pytest.raises(ValueError, match=re.escape(SENTENCE.format(schema=path))):
            run_data_half(config)
    assert not executions(config, "PairFilter", "report")
    assert len(executions(config, "ExampleValidator", "anomalies")) == 1
    path.write_text(schema.replace('  value: "en"\n', '  value: "en"\n  value: "de"\n'), encoding="utf-8")
    for _ in range(2):
        run_data_half(config)
    assert len(executions(config, "PairFilter", "report")) == 1
    assert len(executions(config, "PairExampleGen", "report")) == 1
    assert len(executions(config, "ExampleValidator", "anomalies")) == 2  # the file changed, its name did not


def test_align_run_ends_on_the_sentence(shards, schema, tmp_path):
    path = tmp_path / "schema.pbtxt"
    path.write_text(schema, encoding="utf-8")
    config = config_of(shards, tmp_path, schema=str(path), on_anomalies="stop")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config.to_mapping()), encoding="utf-8")
    with pipelines_here():
        done = CliRunner().invoke(app, ["run", "--config", str(tmp_path / "mine.yaml")])
    assert done.exit_code == 1, done.output
    record = read_record(latest_run_dir(config.root))
    assert record.failed.id == "AnomalyGate"
    assert record.why_failed == SENTENCE.format(schema=path)
    assert record.component("PairFilter").state == "waiting"
    said = " ".join(done.stdout.split())
    assert "1 anomaly: caption/language in train: Unexpected string values" in said
    assert "the data break the schema: split 'train'" in said


def test_a_schema_that_is_missing_is_refused_before_anything_starts(shards, tmp_path):
    with pytest.raises(ConfigError, match=r"^validation.schema is '.*none.pbtxt', which is no file; name a schema"):
        check(config_of(shards, tmp_path, schema=str(tmp_path / "none.pbtxt")))
