"""The event files of a training, read back by TensorFlow."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest
import tensorflow as tf

from models.training.history import History
from models.training.tensorboard import TAGS, EventFile

LINE = {
    "step": 1,
    "loss": 9.5,
    "temperature": 0.5,
    "in_batch_recall_at_1": 0.25,
    "gradient_norm": 2.0,
    "skipped_steps": 0,
    "learning_rate": 0.1,
    "input_wait": math.nan,
    "pairs_per_s": math.nan,
    "seconds": 5.0,
    "warnings": {},
}


def events(folder: Path) -> list[tf.compat.v1.Event]:
    (path,) = folder.iterdir()
    assert "tfevents" in path.name
    return [tf.compat.v1.Event.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(path))]


def scalars(found: list[tf.compat.v1.Event]) -> dict[tuple[int, str], float]:
    return {
        (event.step, value.tag): value.simple_value
        for event in found
        for value in event.summary.value
        if value.WhichOneof("value") == "simple_value"
    }


def texts(found: list[tf.compat.v1.Event]) -> list[tuple[int, str, str]]:
    return [
        (event.step, value.tag, tf.make_ndarray(value.tensor)[0].decode())
        for event in found
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == "text"
    ]


def test_each_measure_of_a_line_has_its_name(tmp_path):
    file = EventFile(str(tmp_path), [], began=1000.0)
    file.write({**LINE, "step": 3, "input_wait": 0.125, "pairs_per_s": 412.0})
    found = events(tmp_path)
    assert found[0].file_version == "brain.Event:2"
    assert found[-1].wall_time == 1005.0
    assert scalars(found) == {
        (3, "training/loss"): 9.5,
        (3, "training/in_batch_recall_at_1"): 0.25,
        (3, "training/temperature"): 0.5,
        (3, "training/gradient_norm"): 2.0,
        (3, "training/learning_rate"): pytest.approx(0.1),
        (3, "training/skipped_steps"): 0.0,
        (3, "speed/pairs_per_s"): 412.0,
        (3, "speed/input_wait"): 0.125,
    }


def test_a_speed_that_is_not_known_is_left_out_and_a_loss_that_is_nan_is_not(tmp_path):
    EventFile(str(tmp_path), [{**LINE, "loss": math.nan}], began=0.0)
    found = scalars(events(tmp_path))
    assert {tag for _, tag in found} == {tag for tag in TAGS.values() if tag.startswith("training/")}
    assert math.isnan(found[1, "training/loss"])


def test_a_warning_is_written_where_it_begins_to_hold(tmp_path):
    held = [{}, {"a": "first"}, {"a": "second"}, {}, {"a": "third", "b": "other"}]
    file = EventFile(str(tmp_path), [{**LINE, "step": i, "warnings": w} for i, w in enumerate(held[:3])], began=0.0)
    for step in (3, 4):
        file.write({**LINE, "step": step, "warnings": held[step]})
    assert sorted(texts(events(tmp_path))) == [
        (1, "warnings/a", "first"),
        (4, "warnings/a", "third"),
        (4, "warnings/b", "other"),
    ]


def test_the_events_of_a_resumed_training_are_its_history(tmp_path):
    for first, last in ((0, 5), (3, 8)):
        history = History(
            str(tmp_path / "history.jsonl"),
            steps=8,
            batch=4,
            log_every_steps=1,
            tensorboard_dir=str(tmp_path / "tensorboard"),
        )
        history.begin(first)
        for step in range(first + 1, last + 1):
            measures = {**LINE, "loss": 100.0 * last + step}
            history.record(step, measures, learning_rate=0.1, waited_s=0.0)
    history.end()
    found = events(tmp_path / "tensorboard")
    assert [event.session_log.status for event in found if event.HasField("session_log")] == [
        tf.compat.v1.SessionLog.START
    ]
    losses = {step: loss for (step, tag), loss in scalars(found).items() if tag == "training/loss"}
    assert losses == {1: 501.0, 2: 502.0, 3: 503.0, 4: 804.0, 5: 805.0, 6: 806.0, 7: 807.0, 8: 808.0}
    assert abs(found[-1].wall_time - time.time()) < 60
