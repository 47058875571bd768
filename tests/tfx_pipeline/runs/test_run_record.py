"""A run's record, its summaries and its training history, read from whole, half-written and damaged files."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.artifact_files import ANOMALIES_FILE, BLESSED_FILE, INFRA_BLESSED_FILE, INFRA_NOT_BLESSED_FILE
from report_samples import SERVING
from tfx_pipeline.runs.json_lines import read_json_lines, read_last_json_line
from tfx_pipeline.runs.run_record import BROKE_OFF, DIED, ComponentRecord, latest_run_dir, read_record, record_of
from tfx_pipeline.runs.run_summary import summarize
from tfx_pipeline.runs.training_history import HistoryLine, history_written_since, progress, read_history
from tfx_pipeline.settings.config import ConfigError

EVENTS = [
    {"event": "pipeline_started", "time": 100.0, "name": "tiny", "components": ["Reader", "Trainer", "Pusher"]},
    {"event": "component_started", "component": "Reader", "time": 101.0},
    {
        "event": "component_finished",
        "component": "Reader",
        "time": 103.5,
        "state": "cached",
        "outputs": {"out": "/x/1"},
    },
    {"event": "component_started", "component": "Trainer", "time": 104.0},
    {"event": "component_finished", "component": "Trainer", "time": 114.0, "state": "complete", "outputs": {}},
    {"event": "component_started", "component": "Pusher", "time": 115.0},
    {"event": "component_finished", "component": "Pusher", "time": 116.0, "state": "complete", "outputs": {}},
    {"event": "pipeline_finished", "time": 117.0},
]
WRITTEN = "".join(json.dumps(event) + "\n" for event in EVENTS).encode()


def history_line(step: int, **changes: float) -> dict:
    return {
        "step": step,
        "steps": 100,
        "loss": 2.5,
        "temperature": 0.06,
        "learning_rate": 1e-3,
        "in_batch_recall_at_1": 0.25,
        "pairs_per_s": 400.0,
        "seconds": 10.0 * step,
        "seconds_left": 5.0,
        **changes,
    }


def write_lines(path: Path, lines: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def run_folder(tmp_path: Path, content: bytes) -> Path:
    run_dir = tmp_path / "runs" / "r1"
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "events.jsonl").write_bytes(content)
    return run_dir


def test_a_whole_run(tmp_path):
    record = read_record(run_folder(tmp_path, WRITTEN))
    assert (record.name, record.succeeded, record.seconds, record.root) == ("tiny", True, 17.0, tmp_path)
    assert [(c.id, c.state, c.seconds) for c in record.components] == [
        ("Reader", "cached", 2.5),
        ("Trainer", "complete", 10.0),
        ("Pusher", "complete", 1.0),
    ]
    assert record.output("Reader", "out") == Path("/x/1")
    assert record.output("Reader", "other") is None
    assert record.output("NoSuchComponent", "out") is None
    assert record.why_failed is None


def test_before_the_first_event_nothing_is_known(tmp_path):
    record = read_record(tmp_path / "runs" / "r1")
    assert record.components == ()
    assert not record.succeeded
    assert record.closed().why_failed == DIED


@settings(deadline=None)
@given(cut=st.integers(0, len(WRITTEN)))
def test_any_prefix_says_what_its_whole_lines_say(tmp_path_factory, cut):
    run_dir = run_folder(tmp_path_factory.mktemp("prefix"), WRITTEN[:cut])
    whole = WRITTEN[:cut].count(b"\n")
    assert read_record(run_dir) == record_of(run_dir, EVENTS[:whole])


@settings(deadline=None)
@given(
    lines=st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=9)), max_size=8),
    cut=st.integers(0, 400),
)
def test_reading_lines_equals_parsing_each_by_hand(tmp_path_factory, lines, cut):
    path = tmp_path_factory.mktemp("lines") / "some.jsonl"
    content = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode("utf-8", "replace")[:cut]
    path.write_bytes(content)
    expected = [json.loads(line) for line in content.split(b"\n")[: content.count(b"\n")]]
    assert read_json_lines(path) == expected
    assert read_last_json_line(path) == (expected[-1] if expected else None)


def test_the_last_line_of_a_long_file_is_found_from_its_tail(tmp_path):
    path = write_lines(tmp_path / "h.jsonl", [history_line(step) for step in range(1, 400)])
    assert path.stat().st_size > 50_000
    assert read_last_json_line(path) == history_line(399)


def test_the_tail_holds_the_longest_line_that_a_training_writes(tmp_path, monkeypatch):
    from models.training import diagnosis
    from models.training_config import TrainingConfig

    training = TrainingConfig(batch=128, steps=10**6, warmup_steps=0, loss="multi_positive", clip_norm=0.001)
    measures = {"loss": 9.7, "temperature": 1 / 1024, "in_batch_recall_at_1": 0.0, "gradient_norm": 1e-5}
    rest = {"skipped_steps": 0, "learning_rate": 1.23e-5, "input_wait": 0.999, "pairs_per_s": 1e5 / 3}
    lines = [history_line(10**6, **measures, **rest) for _ in range(diagnosis.LINES_NEEDED)]
    for line in lines[-diagnosis.LINES_OF_EXPLOSION :]:
        line |= {"gradient_norm": 1e5, "skipped_steps": 10}
    lines[-4]["loss"] = math.nan
    found = {name: rule(training, lines) for name, rule in diagnosis._RULES.items() if name != "loss_at_chance"}
    lines[-4]["loss"] = 9.7
    found["loss_at_chance"] = diagnosis._RULES["loss_at_chance"](training, lines)
    assert len(found) == 7
    assert all(found.values())
    path = write_lines(tmp_path / "history.jsonl", [{**lines[-1], "warnings": found}] * 30)
    with path.open("a") as file:
        file.write(json.dumps({**lines[-1], "warnings": found})[:-1])  # another one is being written
    assert read_last_json_line(path) == {**lines[-1], "warnings": found}


def test_a_damaged_line_is_named(tmp_path):
    run_dir = run_folder(tmp_path, b"{nonsense\n" + WRITTEN)
    with pytest.raises(ConfigError, match=r"events\.jsonl holds a line that is not JSON"):
        read_record(run_dir)
    run_folder(tmp_path, b"[1]\n")
    with pytest.raises(ConfigError, match=r"holds \[1\] where an object belongs"):
        read_record(run_dir)


def test_a_failed_component_keeps_its_sentence(tmp_path):
    failed = {"event": "component_failed", "component": "Trainer", "time": 105.0, "error": "the loss is nan"}
    record = record_of(tmp_path / "runs" / "r1", [*EVENTS[:4], failed])
    assert record.failed is not None
    assert (record.failed.id, record.failed.seconds) == ("Trainer", 1.0)
    assert record.why_failed == "the loss is nan"
    assert record.component("Pusher").state == "waiting"
    assert record.closed().why_failed == "the loss is nan"


def test_a_failure_outside_of_components_belongs_to_the_run(tmp_path):
    failed = {"event": "component_failed", "component": None, "time": 105.0, "error": "no such folder"}
    record = record_of(tmp_path / "runs" / "r1", [EVENTS[0], failed])
    assert (record.failed, record.why_failed, record.succeeded) == (None, "no such folder", False)


def test_closing_fails_what_was_running_and_nothing_else(tmp_path):
    record = record_of(tmp_path / "runs" / "r1", EVENTS[:4]).closed()
    assert [c.state for c in record.components] == ["cached", "failed", "waiting"]
    assert (record.why_failed, record.ended) == (DIED, True)
    done = record_of(tmp_path / "runs" / "r1", EVENTS).closed()
    assert (done.why_failed, done.succeeded) == (None, True)


def test_an_exit_status_after_the_pipelines_end_is_an_error_and_after_a_failure_adds_nothing(tmp_path):
    done = record_of(tmp_path / "runs" / "r1", EVENTS).closed(status=-6)
    assert done.why_failed == BROKE_OFF.format(status=-6)
    failed = {"event": "component_failed", "component": "Trainer", "time": 105.0, "error": "the loss is nan"}
    assert record_of(tmp_path / "runs" / "r1", [*EVENTS[:4], failed]).closed(status=1).why_failed == "the loss is nan"


def test_the_latest_run_is_the_one_with_the_greatest_name_that_began(tmp_path):
    for name in ("2026-01-02T00-00-00", "2026-11-01T00-00-00", "2026-02-01T00-00-00"):
        write_lines(tmp_path / "runs" / name / "events.jsonl", EVENTS)
    (tmp_path / "runs" / "2027-01-01T00-00-00").mkdir()
    assert latest_run_dir(tmp_path).name == "2026-11-01T00-00-00"
    with pytest.raises(ConfigError, match="holds no run; start one with `align run`"):
        latest_run_dir(tmp_path / "elsewhere")


def finished(component: str, **outputs: Path) -> ComponentRecord:
    return ComponentRecord(component, "complete", outputs={key: str(uri) for key, uri in outputs.items()})


def tally(read: int, **dropped: int) -> dict:
    return {"read": read, "kept": read - sum(dropped.values()), "dropped": dropped}


def test_summaries_say_what_was_made(tmp_path):
    splits = {
        "train": {"images": tally(4000, no_image=12), "captions": tally(8000)},
        "seen": {"images": tally(230), "captions": tally(436)},
    }
    write_lines(tmp_path / "ingest_report.json", [{"splits": splits, "samples": {}}])
    splits["seen"]["captions"] = {**tally(436, empty=1), "noted": {"language_unknown": 1}}
    write_lines(tmp_path / "filter_report.json", [{"splits": splits, "rules": [], "samples": {}}])
    write_lines(tmp_path / "vocabulary_report.json", [{"pieces": 2000, "distinct_words": 5311}])
    write_lines(tmp_path / "history.jsonl", [history_line(1), history_line(100)])
    ingested = finished("PairExampleGen", report=tmp_path)
    assert summarize(ingested) == "4,218 images, 8,436 captions, dropped 12 images"
    filtered = finished("PairFilter", report=tmp_path)
    of_a_set = finished("EvaluationSet-coco", report=tmp_path)
    assert summarize(of_a_set) == summarize(ingested)
    assert summarize(filtered) == (
        "4,218 images, 8,435 captions, dropped 12 images and 1 caption, language_unknown in 1 caption"
    )
    assert summarize(finished("Vocabulary", vocabulary=tmp_path)) == "2,000 pieces from 5,311 words"
    trained = finished("Trainer", model_run=tmp_path)
    assert summarize(trained) == "100 steps in 16 min 40 s, loss 2.500"
    skipped = history_line(100, loss=None, skipped_steps=2, warnings={"loss_not_finite": "The loss was not finite."})
    write_lines(tmp_path / "history.jsonl", [history_line(1), skipped])
    assert summarize(trained) == (
        "100 steps in 16 min 40 s, 2 of them skipped, loss not finite at the last step, 1 warning at its end"
    )
    assert summarize(finished("Evaluator", blessing=tmp_path)) == "not blessed"
    (tmp_path / "BLESSED").touch()
    assert summarize(finished("Evaluator", blessing=tmp_path)) == "blessed"
    write_lines(tmp_path / "serving_validation.json", [SERVING])
    assert summarize(finished("ServingValidator", blessing=tmp_path)) == (
        "blessed: 4.1 ms a picture, 1.9 ms a text, loaded in 5.2 s"
    )
    write_lines(tmp_path / "serving_validation.json", [{**SERVING, "blessed": False, "reasons": ["it is late"]}])
    assert summarize(finished("ServingValidator", blessing=tmp_path)) == "not blessed: it is late"
    assert summarize(finished("Pusher", pushed_model=tmp_path)) == "nothing pushed"
    (tmp_path / "saved_model.pb").touch()
    assert summarize(finished("Pusher", pushed_model=tmp_path)) == "pushed"


def test_anomalies_are_counted_and_the_first_is_named(tmp_path):
    unexpected = {"severity": "ERROR", "short_description": "Unexpected string values", "description": "de (~25%)"}
    for split, features in (("train", ["caption/language", "class/label"]), ("validation", [])):
        (tmp_path / f"Split-{split}").mkdir()
        fields = {"anomaly_info": dict.fromkeys(features, unexpected)}
        found = json_format.ParseDict(fields, anomalies_pb2.Anomalies())
        (tmp_path / f"Split-{split}" / "SchemaDiff.pb").write_bytes(found.SerializeToString())
    said = summarize(finished("ExampleValidator", anomalies=tmp_path))
    assert said == "2 anomalies, the first: caption/language in train: Unexpected string values"
    (tmp_path / "Split-train" / "SchemaDiff.pb").write_bytes(b"")
    assert summarize(finished("ExampleValidator", anomalies=tmp_path)) == "no anomalies"
    (tmp_path / "Split-train" / "SchemaDiff.pb").write_bytes(b"\xff")
    assert summarize(finished("ExampleValidator", anomalies=tmp_path)) == "its numbers cannot be read"


def test_what_has_no_summary_says_nothing_and_what_is_damaged_says_so(tmp_path):
    assert summarize(finished("StatisticsGen", statistics=tmp_path)) == ""
    assert summarize(ComponentRecord("PairFilter", "running")) == ""
    assert summarize(finished("PairFilter", report=tmp_path)) == "its numbers cannot be read"
    (tmp_path / "filter_report.json").write_text('{"splits": {"train": 3}}')
    assert summarize(finished("PairFilter", report=tmp_path)) == "its numbers cannot be read"


def test_history_is_read_whole_and_extra_fields_are_passed_by(tmp_path):
    later = {"gradient_norm": 3.0, "skipped_steps": 1, "input_wait": 0.25, "warnings": {"input_wait": "It waits."}}
    write_lines(tmp_path / "history.jsonl", [history_line(1, **later), history_line(2, **later, new_measure=3.0)])
    assert read_history(tmp_path) == [HistoryLine(**history_line(1, **later)), HistoryLine(**history_line(2, **later))]
    assert read_history(tmp_path / "nowhere") == []
    write_lines(tmp_path / "history.jsonl", [{"step": 1}])
    with pytest.raises(ConfigError, match="holds a line without 'steps'"):
        read_history(tmp_path)


def test_what_a_history_does_not_know_is_nan(tmp_path):
    (old,) = read_history(write_lines(tmp_path / "old" / "history.jsonl", [history_line(1)]).parent)
    assert math.isnan(old.gradient_norm)
    assert math.isnan(old.input_wait)
    assert (old.skipped_steps, old.warnings) == (0, {})
    nulls = history_line(1, loss=None, pairs_per_s=None, seconds_left=None, gradient_norm=None, input_wait=None)
    (new,) = read_history(write_lines(tmp_path / "new" / "history.jsonl", [nulls]).parent)
    assert all(math.isnan(getattr(new, name)) for name, value in nulls.items() if value is None)


def test_progress_is_that_of_the_training_that_began_then(tmp_path):
    folder = tmp_path / "artifacts" / "Trainer" / "model_run"
    for execution, step, written in (("7", 100, 1000.0), ("12", 40, 2000.0), ("15", 60, 3000.0)):
        path = write_lines(folder / execution / "history.jsonl", [history_line(step)])
        os.utime(path, (written, written))
    assert [progress(tmp_path, since).step for since in (900.0, 1500.0, 2500.0)] == [100, 40, 60]
    assert progress(tmp_path, since=4000.0) is None
    assert history_written_since(tmp_path / "empty", since=0.0) is None


def test_file_names_are_those_of_the_stock_writers():
    from tfx.components.evaluator import constants
    from tfx.components.example_validator import executor
    from tfx.components.infra_validator import executor as infra

    assert constants.BLESSED_FILE_NAME == BLESSED_FILE
    assert (infra._BLESSED_FILENAME, infra._NOT_BLESSED_FILENAME) == (INFRA_BLESSED_FILE, INFRA_NOT_BLESSED_FILE)
    assert executor.DEFAULT_FILE_NAME == ANOMALIES_FILE
