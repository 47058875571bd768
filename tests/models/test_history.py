"""The diary of a training run, written by a real fit of a model small enough to follow by hand."""

from __future__ import annotations

import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.history import History

KEYS = (
    "step",
    "steps",
    "loss",
    "temperature",
    "in_batch_recall_at_1",
    "learning_rate",
    "pairs_per_s",
    "seconds",
    "seconds_left",
)


class Scalar(keras.Model):
    """A model of one weight w, with loss w * x: after a step on x at rate r it is w - r * x."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = self.add_weight(shape=(), initializer="ones")

    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = tf.convert_to_tensor(self.weight) * tf.reduce_mean(data)
        self.optimizer.apply(tape.gradient(loss, [self.weight]), [self.weight])
        return {"loss": loss, "temperature": tf.constant(0.5), "in_batch_recall_at_1": tf.constant(0.25)}


def fit(path, values, log_every_steps: int) -> None:
    steps = len(values)
    model = Scalar()
    schedule = keras.optimizers.schedules.PolynomialDecay(0.1, steps, end_learning_rate=0.0)
    model.compile(optimizer=keras.optimizers.SGD(schedule), jit_compile=False)
    history = History(str(path), steps=steps, batch=8, log_every_steps=log_every_steps)
    data = tf.data.Dataset.from_tensor_slices(np.array(values, np.float32)[:, None])
    model.fit(data, epochs=1, steps_per_epoch=steps, callbacks=[history], verbose=0)


def test_lines_after_step_1_then_each_interval_then_the_last(tmp_path):
    fit(tmp_path / "history.jsonl", [1.0] * 7, log_every_steps=3)
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 3, 6, 7]
    assert {tuple(line) for line in lines} == {KEYS}
    assert {line["steps"] for line in lines} == {7}
    assert lines[0]["loss"] == pytest.approx(1.0)
    assert lines[1]["loss"] == pytest.approx(1 - 0.1 - 0.1 * 6 / 7)  # of the third step alone, no running mean
    assert lines[0]["learning_rate"] == pytest.approx(0.1 * 6 / 7)
    assert lines[-1]["learning_rate"] == 0
    assert lines[-1]["seconds_left"] == 0
    assert sorted(line["seconds"] for line in lines) == [line["seconds"] for line in lines]


def test_speed_and_time_left_are_those_of_the_last_interval(tmp_path):
    fit(tmp_path / "history.jsonl", [1.0] * 6, log_every_steps=2)
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    before, line = lines[-2], lines[-3]
    elapsed = before["seconds"] - line["seconds"]
    assert before["pairs_per_s"] == pytest.approx(8 * 2 / elapsed)
    assert before["seconds_left"] == pytest.approx(2 * elapsed / 2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_with_a_sentence(tmp_path, value):
    message = (
        r"the loss is (nan|inf) at step 3 of 5, where the learning rate is 0\.\d+ and the temperature 0\.5; lower "
    )
    with pytest.raises(FloatingPointError, match=message + re.escape("training.learning_rate")):
        fit(tmp_path / "history.jsonl", [1.0, 1.0, value, 1.0, 1.0], log_every_steps=1)
    assert len((tmp_path / "history.jsonl").read_text().splitlines()) == 2
