"""What training is warned of, on curves that can be checked by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from loss_oracle import unit_rows
from models.losses.objective import Embedded, build_objective
from models.losses.pair_blocks import Scored
from models.training.diagnosis import LINES_JUDGED, chance_loss, chance_recall, greatest_lucky_recall, warnings
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
    assert greatest_lucky_recall(2, 8, 1 / 2) == pytest.approx((8 + 2 * 2) / 16)  # 8 of 16 rows, give or take 2
    assert greatest_lucky_recall(16, 3, 1 / 4) == pytest.approx((12 + 2 * 3) / 48)  # 12 of 48 rows, give or take 3
    assert greatest_lucky_recall(2, 8, 1.0) == 1.0


def score(training: TrainingConfig, x: np.ndarray, y: np.ndarray, ids: np.ndarray) -> Scored:
    """Returns what the real objective says of G pairs whose images have these ids and whose captions are all others."""
    objective = build_objective(training, training.batch)
    for bias in objective.trainable_variables:
        bias.assign(-math.log(training.batch - 1))  # the best for a sigmoid that cannot tell
    image_ids = np.stack([ids, ids], axis=1).astype("int32")
    caption_ids = np.stack([np.arange(len(ids))] * 2, axis=1).astype("int32")
    pairs = Embedded(tf.constant(x), tf.constant(y), image_ids, caption_ids)
    return objective(pairs, pairs, tf.constant(0), tf.constant(1.0))


@pytest.mark.parametrize(
    "settings", [{}, {"negatives": 0.25}, {"loss": "multi_positive"}, {"loss": "sigmoid"}], ids=lambda each: str(each)
)
def test_chance_is_what_the_objectives_say_of_a_model_that_tells_no_pair_from_another(settings):
    training = TrainingConfig(batch=40, steps=9, warmup_steps=0, **settings)
    same = np.tile(np.eye(1, 8, dtype="float32"), (40, 1))
    unlike = np.zeros_like(same)
    unlike[:, 1] = 1.0  # cosines of 0, which leave a sigmoid's bias alone
    found = score(training, same, unlike, np.arange(40) // 5)
    assert float(found.loss) == pytest.approx(chance_loss(training), rel=1e-5)
    rng = np.random.default_rng(0)
    recalls = [
        float(score(training, unit_rows(rng, 40, 8), unit_rows(rng, 40, 8), np.arange(40)).recall_at_1)
        for _ in range(40)
    ]
    rows = 40 * len(recalls)
    deviation = math.sqrt(chance_recall(training) * (1 - chance_recall(training)) / rows)
    assert np.mean(recalls) == pytest.approx(chance_recall(training), abs=4 * deviation)


def test_a_loss_at_chance_is_seen_where_five_captions_an_image_are_positives():
    """A guess is right five times as often there: judged by 1/G alone, these lines would pass for learning."""
    training = TrainingConfig(batch=40, steps=900, warmup_steps=0, loss="multi_positive")
    rng = np.random.default_rng(0)
    images = np.arange(40) // 5
    near = unit_rows(rng, 1, 64)
    lines = []
    for line in curve(count=13):
        x, y = (0.05 * unit_rows(rng, rows, 64) + near for rows in (8, 40))  # all but one vector
        scored = score(training, x[images].astype("float32"), y.astype("float32"), images)
        lines.append({**line, "loss": float(scored.loss), "in_batch_recall_at_1": float(scored.recall_at_1)})
    mean = np.mean([line["in_batch_recall_at_1"] for line in lines[-LINES_JUDGED:]])
    assert mean > greatest_lucky_recall(40, LINES_JUDGED, 1 / 40)
    words = warnings(training, lines)
    assert set(words) == {"loss_at_chance"}
    assert "guessing among 40 pairs has 2.5 %, more where pairs repeat" in words["loss_at_chance"]
    learning = [{**line, "in_batch_recall_at_1": 0.3} for line in lines]
    assert warnings(training, learning) == {}


def test_fewer_negatives_make_guessing_easier():
    quarter = TrainingConfig(batch=128, steps=1300, warmup_steps=80, negatives=0.25)
    among_33 = {"loss": 5.0, "in_batch_recall_at_1": 1 / 33}
    assert warnings(TRAINING, curve(**among_33)) == {}
    assert set(warnings(quarter, curve(**among_33))) == {"recall_at_chance"}
    assert "guessing among 33 pairs has 3 %" in warnings(quarter, curve(**among_33))["recall_at_chance"]
    assert set(warnings(quarter, curve(**{**among_33, "loss": 2 * math.log(33)}))) == {"loss_at_chance"}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, set()),
        ({"loss": 9.7, "in_batch_recall_at_1": 1 / 128}, {"loss_at_chance"}),
        ({"loss": 9.7}, set()),
        ({"in_batch_recall_at_1": 1 / 128}, {"recall_at_chance"}),
        ({"loss": math.nan}, {"loss_not_finite"}),
        ({"loss": math.nan, "in_batch_recall_at_1": 1 / 128}, {"loss_not_finite"}),
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
    assert set(warnings(dataclasses.replace(TRAINING, clip_norm=20.0), exploded)) == {"gradients_explode"}
    assert warnings(dataclasses.replace(TRAINING, clip_norm=21.0), exploded) == {}
    stuck = {"loss": 9.7, "in_batch_recall_at_1": 1 / 128}
    assert set(warnings(TRAINING, [{**line, **stuck} for line in exploded])) == {"loss_at_chance"}
    skipped = [*lines[:12], {**lines[12], "skipped_steps": 1}]
    assert "1 step was skipped" in warnings(TRAINING, skipped)["skipped_steps"]
    assert warnings(TRAINING, curve(skipped_steps=1)) == {}  # long ago
