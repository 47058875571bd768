"""Steps of SGD on a tower and its classifier, against NumPy and Keras; what a phase leaves alone stays bit for bit."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.images import preprocessing
from models.towers.batch_norm import BatchNormalization
from models.transfer.classifier import Classifier, Diverged, Tower
from models.transfer.recipes import Phase
from models.transfer.schedules import Cosine, StepDecay

CLASSES, BATCH, PX = 3, 6, 16
HEAD = Phase(
    trains="head",
    statistics="frozen",
    schedule=StepDecay(0.1, (1,), 0.2),
    backbone_share=1.0,
    batch=BATCH,
    steps=2,
    train_px=PX,
    cut="whole",
    weight_decay=0.01,
)
ALL = replace(HEAD, trains="all", weight_decay=0.0)


@pytest.fixture(scope="module")
def shared(tiny_tower) -> Classifier:
    return Tower(tiny_tower(), "tiny", least_px=16).classifier(CLASSES, momentum=0.9)


@pytest.fixture
def classifier(shared) -> Classifier:
    """At the start of a training."""
    shared.begin(seed=0)
    return shared


@pytest.fixture(scope="module")
def batch() -> tuple[tf.Tensor, tf.Tensor]:
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, [BATCH, PX, PX, 3], dtype=np.uint8)
    return tf.constant(images), tf.constant(chance.integers(0, CLASSES, BATCH))


def values(classifier: Classifier) -> dict[str, np.ndarray]:
    return {weight.path: np.array(weight) for weight in classifier.tower.model.weights}


def statistics(classifier: Classifier) -> list[bytes]:
    layers = classifier.tower.model._flatten_layers()
    norms = [layer for layer in layers if isinstance(layer, BatchNormalization)]
    assert norms
    return [np.array(value).tobytes() for norm in norms for value in (norm.moving_mean, norm.moving_variance)]


def scatter(classifier: Classifier) -> None:
    """Give the classifier weights that are not zero, so that the first step has a gradient for the tower."""
    kernel = np.random.default_rng(3).normal(size=classifier.head.kernel.shape)
    classifier.head.kernel.assign(kernel.astype(np.float32))


def test_two_steps_of_the_head_are_those_of_numpy(classifier, batch):
    images, labels = batch
    features = np.array(classifier.tower.model(preprocessing.scale(images), training=False), np.float64)
    kernel, bias = np.zeros([features.shape[1], CLASSES]), np.zeros(CLASSES)
    speed_kernel, speed_bias = np.zeros_like(kernel), np.zeros_like(bias)
    for number, rate in enumerate([0.1, 0.02]):
        scores = features @ kernel + bias
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        loss = -np.log(shares[np.arange(BATCH), labels]).mean()
        by_scores = (shares - np.eye(CLASSES)[labels]) / BATCH
        speed_kernel = 0.9 * speed_kernel - rate * (features.T @ by_scores + 0.01 * kernel)
        speed_bias = 0.9 * speed_bias - rate * by_scores.sum(axis=0)  # which does not decay
        kernel, bias = kernel + speed_kernel, bias + speed_bias
        assert classifier.step(images, labels, HEAD, number) == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(classifier.head.kernel, kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(classifier.head.bias, bias, rtol=1e-4, atol=1e-6)


def test_a_frozen_tower_stays_bit_for_bit(classifier, batch):
    before = {path: value.tobytes() for path, value in values(classifier).items()}
    for number in range(2):
        classifier.step(*batch, HEAD, number)
    assert {path: value.tobytes() for path, value in values(classifier).items()} == before
    assert np.abs(classifier.head.kernel).max() > 0


def test_frozen_statistics_stay_while_all_else_is_trained(classifier, batch):
    scatter(classifier)
    statistics_before, before = statistics(classifier), values(classifier)
    classifier.step(*batch, ALL, 0)
    assert statistics(classifier) == statistics_before
    after = values(classifier)
    still = [path for path in before if (before[path] == after[path]).all() and "moving" not in path]
    assert still == []
    classifier.step(*batch, replace(ALL, statistics="batch"), 1)
    assert all(was != now for was, now in zip(statistics_before, statistics(classifier), strict=True))


def test_the_tower_moves_a_tenth_of_what_it_would(classifier, batch):
    moved = []
    for share in (1.0, 0.1):
        classifier.begin(seed=0)
        scatter(classifier)
        before = values(classifier)
        classifier.step(*batch, replace(ALL, backbone_share=share), 0)
        moved.append(
            (np.concatenate([(value - before[path]).ravel() for path, value in values(classifier).items()]),
             np.array(classifier.head.kernel))
        )  # fmt: skip
    (whole, head), (tenth, same_head) = moved
    np.testing.assert_array_equal(head, same_head)
    assert np.abs(whole).max() > 1e-4
    np.testing.assert_allclose(tenth, whole / 10, rtol=0, atol=1e-3 * np.abs(whole).max())


def test_a_batch_in_parts_is_the_batch(classifier, tiny_tower, batch):
    after = []
    for each in (classifier, Tower(tiny_tower(), "tiny", least_px=16).classifier(CLASSES, momentum=0.9, micro_batch=4)):
        each.begin(seed=0)
        scatter(each)
        loss = each.step(*batch, ALL, 0)
        after.append((loss, np.array(each.head.kernel), np.concatenate([v.ravel() for v in values(each).values()])))
    (loss, head, tower), (same_loss, same_head, same_tower) = after
    assert loss == pytest.approx(same_loss, rel=1e-5)
    np.testing.assert_allclose(head, same_head, atol=1e-5)
    np.testing.assert_allclose(tower, same_tower, atol=1e-5)


def test_a_training_begins_where_the_one_before_began(classifier, batch):
    tuned = replace(ALL, statistics="batch")  # with stochastic depth
    losses = []
    for seed in (5, 5, 6):
        classifier.begin(seed)
        scatter(classifier)
        losses.append([classifier.step(*batch, tuned, number) for number in range(2)])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_another_task_begins_where_the_one_before_began(classifier, batch):
    start = values(classifier)
    scatter(classifier)
    classifier.step(*batch, replace(ALL, statistics="batch"), 0)
    other = classifier.tower.classifier(CLASSES + 1, momentum=0.9)
    assert other is not classifier
    other.begin(seed=0)
    assert {path: value.tobytes() for path, value in values(other).items()} == {
        path: value.tobytes() for path, value in start.items()
    }


def test_scores_that_are_no_numbers_rank_nothing(classifier, batch):
    classifier.head.bias.assign([0.0, np.nan, 0.0])
    with pytest.raises(Diverged, match="scores are no numbers"):
        classifier.rank(batch[0])


def test_schedules_are_those_of_keras():
    schedules = keras.optimizers.schedules
    # Keras takes the rate before a boundary at the boundary itself still.
    pairs = [
        (StepDecay(0.1, (30, 60), 0.2), schedules.PiecewiseConstantDecay([29, 59], [0.1, 0.02, 0.004]), 90),
        (Cosine(0.01, 40), schedules.CosineDecay(0.01, 40), 40),
    ]
    for ours, theirs, steps in pairs:
        wanted = [float(theirs(step)) for step in range(steps)]
        assert [ours(step) for step in range(steps)] == pytest.approx(wanted, rel=1e-5, abs=1e-8)
