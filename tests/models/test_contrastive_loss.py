"""The loss against cases that a hand can check and against equations 1 and 2 written out in NumPy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from models.contrastive_loss import contrastive_loss, pair_logits, recall_at_1, smoothed_cross_entropy


def unit_rows(rng, rows, width):
    x = rng.normal(size=(rows, width)).astype("float32")
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def oracle(images, texts, temperature, label_smoothing):
    """The loss of a whole batch, term by term."""
    n = len(images)
    total = 0.0
    for queries, candidates in ((images, texts), (texts, images)):
        for i in range(n):
            logits = [float(np.dot(queries[i], candidates[j])) / temperature for j in range(n)]
            log_sum = math.log(sum(math.exp(z) for z in logits))
            for j in range(n):
                target = (1 - label_smoothing) * (i == j) + label_smoothing / n
                total -= target * (logits[j] - log_sum)
    return total / n


def test_two_pairs_by_hand():
    # Cosines are the identity, so each row's logits are (1, 0) / 0.5 = (2, 0).
    # Without smoothing each direction costs log(1 + e^-2); with 0.1 the other column's target is 0.05 and costs 2 more.
    axes = np.eye(2, dtype="float32")
    plain = contrastive_loss(axes, axes, axes, axes, 0, 0.5, 0.0)
    smoothed = contrastive_loss(axes, axes, axes, axes, 0, 0.5, 0.1)
    assert float(plain) == pytest.approx(2 * math.log(1 + math.exp(-2)), rel=1e-6)
    assert float(smoothed) == pytest.approx(2 * (math.log(1 + math.exp(-2)) + 0.05 * 2), rel=1e-6)


def test_indistinct_pairs_cost_the_log_of_the_batch_in_each_direction():
    same = np.tile(np.array([[0.6, 0.8]], "float32"), (5, 1))
    assert float(contrastive_loss(same, same, same, same, 0, 0.01, 0.1)) == pytest.approx(2 * math.log(5), rel=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    pairs=st.integers(2, 7),
    width=st.integers(1, 5),
    temperature=st.floats(0.05, 2),
    label_smoothing=st.floats(0, 0.9),
    seed=st.integers(0, 1000),
)
def test_equals_the_oracle(pairs, width, temperature, label_smoothing, seed):
    rng = np.random.default_rng(seed)
    x, y = unit_rows(rng, pairs, width), unit_rows(rng, pairs, width)
    loss = contrastive_loss(x, y, x, y, 0, temperature, label_smoothing)
    assert float(loss) == pytest.approx(oracle(x, y, temperature, label_smoothing), rel=1e-4, abs=1e-4)


def test_the_mean_over_replicas_is_the_loss_of_the_global_batch():
    rng = np.random.default_rng(1)
    x, y = unit_rows(rng, 6, 4), unit_rows(rng, 6, 4)
    local = [
        float(contrastive_loss(x[start : start + 2], y[start : start + 2], x, y, start, 0.1, 0.1))
        for start in (0, 2, 4)
    ]
    assert len(set(local)) == 3
    assert np.mean(local) == pytest.approx(oracle(x, y, 0.1, 0.1), rel=1e-5)


def test_large_logits_do_not_overflow():
    axes = np.eye(2, dtype="float32")
    opposite = axes[::-1].copy()
    assert float(contrastive_loss(axes, opposite, axes, opposite, 0, 1 / 1024, 0.0)) == pytest.approx(2048, rel=1e-6)


def test_cross_entropy_follows_the_row_offset():
    logits = np.array([[0.0, 0.0, 9.0], [9.0, 0.0, 0.0]], "float32")
    log_sum = math.log(2 + math.exp(9))
    for rows, offset, costs in ((logits, 0, [log_sum, log_sum]), (logits[:1], 2, [log_sum - 9])):
        assert ops.convert_to_numpy(smoothed_cross_entropy(rows, offset, 0.0)) == pytest.approx(costs, abs=1e-5)


def test_recall_counts_rows_whose_own_pair_is_first():
    logits = np.array([[3.0, 1.0, 2.0, 0.0], [0.0, 5.0, 6.0, 1.0]], "float32")
    assert [float(recall_at_1(logits, offset)) for offset in (0, 1, 2)] == [0.5, 0.5, 0.0]


def test_logits_are_cosines_over_the_temperature():
    x = np.array([[0.6, 0.8]], "float32")
    y = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")
    assert ops.convert_to_numpy(pair_logits(x, y, 0.5)) == pytest.approx(np.array([[1.2, 1.6]]))
