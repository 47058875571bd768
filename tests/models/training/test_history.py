"""The diary of a training: what its lines say, what a reader sees at any moment, and what a resumed one keeps."""

from __future__ import annotations

import json
import logging
import math
import re
import time
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.training.diagnosis import LINES_NEEDED
from models.training.history import History

KEYS = [
    "step",
    "steps",
    "loss",
    "temperature",
    "in_batch_recall_at_1",
    "gradient_norm",
    "skipped_steps",
    "learning_rate",
    "input_wait",
    "pairs_per_s",
    "seconds",
    "seconds_left",
    "warnings",
]
TIMES = {"input_wait", "pairs_per_s", "seconds", "seconds_left"}  # that no two runs share


class Clock:
    """Stands for time.monotonic, so that speeds can be worked out by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def measures(step: int, **changes: float) -> dict[str, float]:
    """Values that tell the step that they are of."""
    own = {"loss": 10 - step / 8, "temperature": 0.5, "in_batch_recall_at_1": 0.25, "gradient_norm": 2.0 * step}
    return {**own, "skipped_steps": 0.0, **changes}


def train(path: Path | str, first: int, last: int, *, steps: int = 7, every: int = 3, **options) -> None:
    """Go from step `first` to step `last`, as a process does that is killed after it: nothing is closed."""
    history = History(str(path), steps=steps, batch=8, log_every_steps=every, **options)
    history.begin(first)
    for step in range(first + 1, last + 1):
        if history.is_due(step):
            history.record(step, measures(step), learning_rate=0.1 * step, waited_s=0.0)


def read(path: Path) -> list[dict]:
    return [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]


def test_lines_after_step_1_then_each_interval_then_the_last(tmp_path):
    train(tmp_path / "history.jsonl", 0, 7)
    lines = read(tmp_path / "history.jsonl")
    assert [line["step"] for line in lines] == [1, 3, 6, 7]
    assert [list(line) for line in lines] == [KEYS] * 4
    assert {line["steps"] for line in lines} == {7}
    assert [line["loss"] for line in lines] == [9.875, 9.625, 9.25, 9.125]
    assert [line["gradient_norm"] for line in lines] == [2.0, 6.0, 12.0, 14.0]
    assert [line["learning_rate"] for line in lines] == pytest.approx([0.1, 0.3, 0.6, 0.7])
    assert lines[-1]["seconds_left"] == 0


def test_speed_wait_and_time_left_are_those_of_the_time_since_the_line_before(tmp_path, monkeypatch):
    clock = Clock(monkeypatch)
    history = History(str(tmp_path / "history.jsonl"), steps=100, batch=8, log_every_steps=10)
    history.begin(0)
    clock.now += 30.0  # of which building the graph took most
    history.record(1, measures(1), learning_rate=0.1, waited_s=20.0)
    clock.now += 4.5  # 9 steps of half a second
    history.record(10, measures(10), learning_rate=0.1, waited_s=0.9)
    first, second = read(tmp_path / "history.jsonl")
    assert [first[name] for name in ("pairs_per_s", "input_wait", "seconds_left", "seconds")] == [None, None, None, 30]
    assert second["pairs_per_s"] == pytest.approx(16.0)  # 8 pairs in half a second
    assert second["input_wait"] == pytest.approx(0.2)
    assert second["seconds_left"] == pytest.approx(45.0)  # 90 more steps
    assert second["seconds"] == pytest.approx(34.5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_written_as_null(tmp_path, value):
    history = History(str(tmp_path / "history.jsonl"), steps=9, batch=8, log_every_steps=1)
    history.begin(0)
    history.record(1, measures(1, loss=value, gradient_norm=value, skipped_steps=1.0), learning_rate=1, waited_s=0)
    (line,) = read(tmp_path / "history.jsonl")
    assert (line["loss"], line["gradient_norm"], line["skipped_steps"]) == (None, None, 1)


def test_each_line_is_there_for_readers_as_soon_as_it_is_recorded(tmp_path):
    history = History(str(tmp_path / "history.jsonl"), steps=9, batch=8, log_every_steps=1)
    history.begin(0)
    for step in range(1, 5):
        history.record(step, measures(step), learning_rate=0.1, waited_s=0.0)
        assert (tmp_path / "history.jsonl").read_text().endswith("}\n")
        assert [line["step"] for line in read(tmp_path / "history.jsonl")] == list(range(1, step + 1))
    history.end()


@settings(deadline=None, max_examples=30)
@given(
    steps=st.integers(1, 20),
    every=st.integers(1, 6),
    kills=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5), st.integers(0, 400)), max_size=3),
)
def test_a_training_that_is_killed_and_resumed_leaves_the_lines_of_an_undisturbed_one(
    tmp_path_factory, steps, every, kills
):
    folder = tmp_path_factory.mktemp("history")
    train(folder / "undisturbed", 0, steps, steps=steps, every=every)
    checkpoint = 0
    for killed_at, since_checkpoint, half_a_line in kills:
        killed_at = max(min(killed_at, steps), checkpoint)
        train(folder / "disturbed", checkpoint, killed_at, steps=steps, every=every)
        with (folder / "disturbed").open("a") as file:
            file.write('{"step": 1, "steps": 7, "loss": 9.0'[:half_a_line])
        checkpoint = max(killed_at - since_checkpoint, 0)
    train(folder / "disturbed", checkpoint, steps, steps=steps, every=every)
    one, two = read(folder / "undisturbed"), read(folder / "disturbed")
    assert [{k: line[k] for k in KEYS if k not in TIMES} for line in two] == [
        {k: line[k] for k in KEYS if k not in TIMES} for line in one
    ]
    assert sorted(line["seconds"] for line in two) == [line["seconds"] for line in two]


def test_a_resumed_training_counts_its_seconds_on_and_promises_no_speed_at_first(tmp_path, monkeypatch):
    clock = Clock(monkeypatch)
    path = tmp_path / "history.jsonl"
    first = History(str(path), steps=100, batch=8, log_every_steps=10)
    first.begin(0)
    for step, seconds in ((1, 5.0), (10, 9.0), (20, 10.0)):
        clock.now += seconds
        first.record(step, measures(step), learning_rate=0.1, waited_s=0.0)
    clock.now += 5000.0  # off
    again = History(str(path), steps=100, batch=8, log_every_steps=10)
    again.begin(15)
    clock.now += 7.0
    again.record(20, measures(20), learning_rate=0.1, waited_s=0.0)
    clock.now += 5.0
    again.record(30, measures(30), learning_rate=0.1, waited_s=0.0)
    lines = read(path)
    assert [line["step"] for line in lines] == [1, 10, 20, 30]
    assert [line["seconds"] for line in lines] == [5, 14, 21, 26]
    assert [line["pairs_per_s"] for line in lines] == [None, pytest.approx(8.0), None, pytest.approx(16.0)]


def test_a_training_that_begins_anew_keeps_nothing(tmp_path):
    train(tmp_path / "history.jsonl", 0, 7)
    train(tmp_path / "history.jsonl", 0, 1)
    assert [line["step"] for line in read(tmp_path / "history.jsonl")] == [1]
    assert [path.name for path in tmp_path.iterdir()] == ["history.jsonl"]


def test_a_line_that_cannot_be_read_costs_itself_alone(tmp_path):
    path = tmp_path / "history.jsonl"
    train(path, 0, 6)
    damaged = path.read_text().splitlines(keepends=True)
    path.write_text(damaged[0] + "\0\0\0\n" + '{"step": 2}\n' + "[]\n" + damaged[2])
    train(path, 6, 7)
    assert [line["step"] for line in read(path)] == [1, 6, 7]


def test_a_remote_history_is_appended_to_and_resumed_alike():
    path = "ram://history_test/run/history.jsonl"
    tf.io.gfile.makedirs("ram://history_test/run")
    train(path, 0, 5)
    train(path, 3, 7)
    lines = [json.loads(line) for line in tf.io.gfile.GFile(path).read().splitlines()]
    assert [line["step"] for line in lines] == [1, 3, 6, 7]


def high_loss(lines) -> dict[str, str]:
    assert len(lines) <= LINES_NEEDED
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)
    return {"high": f"loss {lines[-1]['loss']}"} if lines[-1]["loss"] > 9.3 else {}


def test_warnings_stand_in_the_lines_at_which_they_hold_and_are_logged_once(tmp_path, caplog):
    caplog.set_level(logging.WARNING, logger="absl")  # which a command may have made quieter in this process
    path = tmp_path / "history.jsonl"
    train(path, 0, 4, every=1, diagnose=high_loss)
    train(path, 3, 7, every=1, diagnose=high_loss)
    assert [line["warnings"] for line in read(path)] == [
        *({"high": f"loss {10 - step / 8}"} for step in range(1, 6)),
        {},
        {},
    ]
    assert [message for message in caplog.messages if message.startswith("loss")] == ["loss 9.875"]


def test_a_diagnosis_gets_the_last_lines_also_after_a_resumption(tmp_path):
    seen = []

    def watch(lines) -> dict[str, str]:
        seen.append([line["step"] for line in lines])
        return {}

    train(tmp_path / "history.jsonl", 0, 30, steps=40, every=1, diagnose=watch)
    train(tmp_path / "history.jsonl", 20, 21, steps=40, every=1, diagnose=watch)
    assert seen[0] == [1]
    assert seen[29] == list(range(31 - LINES_NEEDED, 31))
    assert seen[30] == list(range(22 - LINES_NEEDED, 22))


def test_a_step_without_a_measure_is_refused(tmp_path):
    history = History(str(tmp_path / "history.jsonl"), steps=9, batch=8, log_every_steps=1)
    history.begin(0)
    with pytest.raises(KeyError, match=re.escape("temperature")):
        history.record(1, {"loss": 1.0}, learning_rate=0.1, waited_s=0.0)
