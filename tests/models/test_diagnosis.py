"""What training is warned of, on curves that can be checked by hand."""

from __future__ import annotations

import math

import pytest

from models.diagnosis import chance_loss, greatest_lucky_recall, warnings
from models.training_config import MAX_TEMPERATURE, MIN_TEMPERATURE, TrainingConfig

TRAINING = TrainingConfig(batch=128, steps=1300, warmup_steps=80, learning_rate=2e-3)
HEALTHY = {
    "loss": 7.0,
    "temperature": 0.07,
    "in_batch_recall_at_1": 0.3,
    "gradient_norm": 2.0,
    "skipped_steps": 0,
    "learning_rate": 1e-3,
    "input_wait": 0.02,
}


def curve(last_step: int = 400, count: int = 13, **changes: float) -> list[dict[str, float]]:
    return [{**HEALTHY, "step": last_step - 10 * back, **changes} for back in reversed(range(count))]


def test_the_loss_of_chance():
    assert chance_loss(TRAINING) == pytest.approx(2 * math.log(128))
    half = TrainingConfig(batch=5, steps=9, warmup_steps=0, negatives=0.5)
    assert chance_loss(half) == pytest.approx(2 * math.log(3))  # told from 2 of the 4 others
    sigmoid = TrainingConfig(batch=2, steps=9, warmup_steps=0, loss="sigmoid")
    assert chance_loss(sigmoid) == pytest.approx(2 * math.log(2))


def test_the_luck_of_guessing():
    assert greatest_lucky_recall(2, 8) == pytest.approx((8 + 2 * 2) / 16)  # 8 of 16 rows, give or take 2


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, set()),
        ({"loss": 9.7, "in_batch_recall_at_1": 1 / 128}, {"loss_at_chance"}),
        ({"loss": 9.7}, set()),
        ({"in_batch_recall_at_1": 1 / 128}, {"recall_at_chance"}),
        ({"loss": math.nan}, {"loss_not_finite"}),
        ({"temperature": MIN_TEMPERATURE}, {"temperature_at_bound"}),
        ({"temperature": MAX_TEMPERATURE}, {"temperature_at_bound"}),
        ({"input_wait": 0.3}, {"input_wait"}),
        ({"input_wait": math.nan}, set()),
    ],
)
def test_what_holds_on_all_lines(changes, names):
    assert set(warnings(TRAINING, curve(**changes))) == names


def test_learning_is_not_judged_before_it_had_its_time():
    stuck = {"loss": 9.7, "in_batch_recall_at_1": 1 / 128}
    assert warnings(TRAINING, curve(last_step=270, **stuck)) == {}
    assert set(warnings(TRAINING, curve(last_step=280, **stuck))) == {"loss_at_chance"}


def test_gradients_that_explode_and_steps_that_are_skipped():
    lines = curve()
    assert warnings(TRAINING, [*lines[:10], *({**line, "gradient_norm": 20.0} for line in lines[10:])]) == {}
    exploded = [*lines[:10], *({**line, "gradient_norm": 21.0} for line in lines[10:])]
    assert set(warnings(TRAINING, exploded)) == {"gradients_explode"}
    skipped = [*lines[:12], {**lines[12], "skipped_steps": 1}]
    assert "1 step was skipped" in warnings(TRAINING, skipped)["skipped_steps"]
    assert warnings(TRAINING, curve(skipped_steps=1)) == {}  # long ago
