"""`align filter` and `align run` as a user types them, for shards on a server."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from components.artifact_files import INGEST_REPORT_FILE
from tfx_pipeline.runs.run_record import latest_run_dir, read_record

pytestmark = pytest.mark.remote
ALIGN = [sys.executable, "-m", "tfx_pipeline.cli"]


def align(folder, values: dict, *arguments: str) -> subprocess.CompletedProcess:
    """Run the command with a config file."""
    (folder / "mine.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    command = [*ALIGN, arguments[0], "--config", "mine.yaml", *arguments[1:]]
    environment = {**os.environ, "COLUMNS": "400", "TERM": "dumb"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=500, check=False
    )


@pytest.fixture
def values(storage, corpus) -> dict:
    shards = storage.put_folder(corpus / "tar", "typed")
    return {
        "ingest": {"shards": shards, "hash_split": {"train": 1}},
        "evaluation": {"splits": ["train"]},
        "filter": {"frequent_ngrams": None},
        "beam": {"options": dict(storage.options)},
    }


def test_a_sample_is_filtered_from_a_server(values, tmp_path):
    done = align(tmp_path, values, "filter", "--sample", "1000")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "24" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml"]


def test_a_missing_folder_ends_either_command_with_one_sentence(values, tmp_path):
    values["ingest"]["shards"] += "/gone"
    for arguments in (["filter", "--sample", "10"], ["run"]):
        done = align(tmp_path, values, *arguments)
        assert done.returncode != 0
        (line,) = (done.stdout + done.stderr).strip().splitlines()
        assert f"ingest.shards is '{values['ingest']['shards']}', which does not exist; set it to the folder" in line


def test_a_run_goes_from_s3_to_a_pushed_model(s3, corpus, tmp_path):
    values = {
        "preset": "small",
        "name": "mine",
        "ingest": {"shards": s3.put_folder(corpus / "tar", "run"), "hash_split": {"train": 3, "validation": 1}},
        "filter": {"frequent_ngrams": None, "drop_evaluation_images": False},  # every picture is of one colour
        "training": {"steps": 2, "warmup_steps": 1, "batch": 4},
        "beam": {"options": dict(s3.options)},
    }
    done = align(tmp_path, values, "run")
    logs = [log.read_text(errors="replace")[-4000:] for log in tmp_path.glob("output/mine/runs/*/log.txt")]
    assert done.returncode == 0, "\n".join([done.stdout, done.stderr, *logs])
    run = read_record(latest_run_dir(tmp_path / "output" / "mine"))
    assert {component.state for component in run.components} == {"complete"}
    report = json.loads((run.output("PairExampleGen", "report") / INGEST_REPORT_FILE).read_text(encoding="utf-8"))
    assert sum(split["images"]["kept"] for split in report["splits"].values()) == 24
    (version,) = (tmp_path / "output" / "mine" / "serving_models" / "align").iterdir()
    assert (version / "saved_model.pb").is_file()
