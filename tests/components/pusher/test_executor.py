"""A version appears in the push folder whole or not at all, also where the Pusher is killed in the middle of a file."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tfx.dsl.io.filesystem import NotFoundError
from tfx.types import standard_artifacts

import push_model
from components.artifact_files import MODEL_CARD_FILE, MODEL_CARD_PAGE
from components.artifacts import FilterReport, IngestReport, Vocabulary
from components.evaluator.stored.pushed import versions
from components.pusher.executor import ASIDE, DAY_S
from report_samples import FILTER, INGEST, VOCABULARY
from serving.taking_back import make_newest
from serving.versions import complete_versions

GRAPH_BYTES, SMALL = 300_000, 1_000
FILES = {
    "saved_model.pb": bytes(range(250)) * (GRAPH_BYTES // 250),
    "variables/variables.index": b"i" * SMALL,
    "variables/variables.data-00000-of-00001": b"w" * SMALL,
    "assets/vocab.txt": b"[PAD]",
}


@pytest.fixture
def model(tmp_path) -> str:
    """Folder of a Model artifact."""
    for name, content in FILES.items():
        path = tmp_path / "model" / "Format-Serving" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return str(tmp_path / "model")


@pytest.fixture
def folder(tmp_path) -> Path:
    """The push folder, which is not there yet."""
    return tmp_path / "serving_models" / "align"


def files_below(folder: Path) -> dict[str, bytes]:
    """Returns all files but the card, which must be there."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    card, page = json.loads(found.pop(MODEL_CARD_FILE)), found.pop(MODEL_CARD_PAGE)
    assert card["lineage"]["files"] == {name: hashlib.sha256(found[name]).hexdigest() for name in sorted(FILES)}
    assert page.startswith(b"---\n")
    return found


def test_a_blessed_model_is_a_version_file_by_file(model, folder):
    before = int(time.time())
    pushed = push_model.push(model, str(folder))
    (version,) = folder.iterdir()
    assert before <= int(version.name) <= time.time()
    assert files_below(version) == files_below(Path(pushed.uri)) == FILES
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination") == str(version)
    assert pushed.get_string_custom_property("pushed_version") == version.name


def test_a_pusher_that_is_killed_within_the_last_file_leaves_no_version(model, folder):
    command = [sys.executable, push_model.__file__, model, str(folder), str(GRAPH_BYTES // 2)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGXFSZ, done.stderr
    (cut_short,) = folder.rglob("saved_model.pb")
    assert 0 < cut_short.stat().st_size < GRAPH_BYTES
    assert complete_versions(folder) == {}
    assert versions(str(folder)) == []
    assert [path.name for path in folder.iterdir() if path.name.isdigit()] == []  # what TensorFlow Serving looks for

    pushed = push_model.push(model, str(folder))
    version = Path(pushed.get_string_custom_property("pushed_destination"))
    assert complete_versions(folder) == {int(version.name): version}
    assert files_below(version) == FILES


def test_an_error_leaves_nothing(model, folder):
    (Path(model) / "Format-Serving" / "assets" / "gone").symlink_to("nowhere")
    with pytest.raises(NotFoundError):
        push_model.push(model, str(folder))
    assert [*folder.iterdir()] == []


def test_a_version_is_above_all_before_it_whatever_the_clock_says(model, folder):
    for name in ("99999999999", "0100000000000", "200000000000.tmp", "latest"):
        (folder / name / "kept").mkdir(parents=True)
    pushed = push_model.push(model, str(folder))
    assert pushed.get_string_custom_property("pushed_version") == "100000000001"
    assert files_below(folder / "100000000001") == FILES


@pytest.mark.parametrize("verdicts", [{"blessed": 0}, {"served": 0}, {"blessed": 0, "served": 0}])
def test_a_model_that_is_not_blessed_by_both_is_not_pushed(model, folder, verdicts):
    pushed = push_model.push(model, str(folder), **verdicts)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not folder.exists()


def test_what_a_killed_pusher_left_goes_after_a_day(model, folder):
    old, young = folder / f"{ASIDE}old", folder / f"{ASIDE}young"
    for left in (old, young):
        (left / "17").mkdir(parents=True)
    os.utime(old, (0, time.time() - DAY_S - 60))
    push_model.push(model, str(folder))
    assert sorted(path.name for path in folder.iterdir() if not path.name.isdigit()) == [young.name]


def test_a_version_that_was_taken_back_keeps_its_number_and_is_not_pushed_again(model, folder):
    other = {**FILES, "variables/variables.index": b"j" * SMALL}
    for name, content in other.items():
        path = folder / "100000000000" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    first = push_model.push(model, str(folder)).get_string_custom_property("pushed_version")
    assert first == "100000000001"
    make_newest(folder, 100000000000)
    again = push_model.push(model, str(folder))
    assert again.get_int_custom_property("pushed") == 0
    assert list(complete_versions(folder)) == [100000000000]
    (Path(model) / "Format-Serving" / "saved_model.pb").write_bytes(b"another graph")
    assert push_model.push(model, str(folder)).get_string_custom_property("pushed_version") == "100000000002"


def test_the_card_is_made_of_what_the_components_wrote(model, folder, tmp_path):
    written = {
        "infra_blessing/serving_validation.json": {"load_s": 1.5, "peak_memory_bytes": 2**20, "latency_ms": {}},
        "evaluation/numbers.json": {"metrics": {"seen": {"num_images": 4, "num_captions": 4, "i2t_recall_at_1": 1.0}}},
        "model_run/model/model.json": {"model": {"image": "b0"}, "weights": {"sha256": "ab"}, "vocabulary": {}},
        "model_run/training.json": {"training": {"steps": 7}, "software": {"keras": "3"}},
        "ingest_report/ingest_report.json": INGEST,
        "filter_report/filter_report.json": FILTER,
        "vocabulary/vocabulary_report.json": VOCABULARY,
    }
    for name, content in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "model_run" / "history.jsonl").write_text('{"step": 1}\n{"step": 7, "loss": 2, "temperature": 1}\n')
    more = {
        "ingest_report": IngestReport(),
        "filter_report": FilterReport(),
        "vocabulary": Vocabulary(),
        "model_run": standard_artifacts.ModelRun(),
        "evaluation": standard_artifacts.ModelEvaluation(),
    }
    for name, artifact in more.items():
        artifact.uri = str(tmp_path / name)
    stated = {"name": "pets", "card": {"licence": "MIT"}, "sources": {"ingest": "s3://pets"}}
    pushed = push_model.push(model, str(folder), more=more, stated=stated, infra=str(tmp_path / "infra_blessing"))
    card = json.loads((Path(pushed.uri) / MODEL_CARD_FILE).read_text())
    assert card == json.loads((next(folder.iterdir()) / MODEL_CARD_FILE).read_text())
    assert (card["name"], card["licence"], card["data"]["sources"]) == ("pets", "MIT", {"ingest": "s3://pets"})
    assert card["training"] == {
        "model": {"image": "b0"},
        "settings": {"steps": 7},
        "last": {"step": 7, "loss": 2, "temperature": 1},
    }
    assert card["evaluation"]["metrics"]["seen"]["i2t_recall_at_1"]["value"] == 1
    assert card["serving"]["load_s"] == 1.5
    assert card["data"]["ingest"] == INGEST["splits"]
    assert card["lineage"]["artifacts"]["filter_report"] == {
        "id": 0,
        "type": "align.FilterReport",
        "uri": str(tmp_path / "filter_report"),
    }


def test_a_report_that_is_damaged_stops_the_push_and_is_named(model, folder, tmp_path):
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "numbers.json").write_text('{"metrics": {')
    evaluation = standard_artifacts.ModelEvaluation()
    evaluation.uri = str(tmp_path / "evaluation")
    with pytest.raises(ValueError, match=r"evaluation/numbers.json is no JSON: .*; run the component"):
        push_model.push(model, str(folder), more={"evaluation": evaluation})
    assert [*folder.iterdir()] == []
