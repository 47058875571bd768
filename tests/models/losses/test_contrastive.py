"""The softmax criteria against cases that a hand can check; test_objective.py holds them against NumPy."""

import math

import numpy as np
import pytest
from keras import ops

from models.losses.contrastive import cross_entropy, smoothed_softmax, window_of, windowed_softmax
from models.losses.pair_blocks import score_rows


def both_directions(images, texts, temperature, smoothing):
    criterion = smoothed_softmax(0, smoothing)
    return sum(
        float(score_rows(queries, candidates, temperature, 0.0, criterion).loss)
        for queries, candidates in ((images, texts), (texts, images))
    )


def test_two_pairs_by_hand():
    # Cosines are the identity, so each row's logits are (1, 0) / 0.5 = (2, 0).
    # Without smoothing each direction costs log(1 + e^-2); with 0.1 the other column's target is 0.05 and costs 2 more.
    axes = np.eye(2, dtype="float32")
    plain, smoothed = both_directions(axes, axes, 0.5, 0.0), both_directions(axes, axes, 0.5, 0.1)
    assert plain == pytest.approx(2 * math.log(1 + math.exp(-2)), rel=1e-6)
    assert smoothed == pytest.approx(2 * (math.log(1 + math.exp(-2)) + 0.05 * 2), rel=1e-6)


def test_indistinct_pairs_cost_the_log_of_the_batch_in_each_direction():
    same = np.tile(np.array([[0.6, 0.8]], "float32"), (5, 1))
    assert both_directions(same, same, 0.01, 0.1) == pytest.approx(2 * math.log(5), rel=1e-5)


def test_large_logits_do_not_overflow():
    axes = np.eye(2, dtype="float32")
    assert both_directions(axes, axes[::-1].copy(), 1 / 1024, 0.0) == pytest.approx(2048, rel=1e-6)


def test_own_pairs_begin_at_the_row_offset():
    logits = np.array([[0.0, 0.0, 9.0], [9.0, 0.0, 0.0]], "float32")
    log_sum = math.log(2 + math.exp(9))
    for rows, offset, costs, right in (
        (logits, 0, [log_sum, log_sum], [False, False]),
        (logits[:1], 2, [log_sum - 9], [True]),
    ):
        judged = smoothed_softmax(offset - 1, 0.0)(rows, 1)  # the block's first row is the replica's second
        assert ops.convert_to_numpy(judged.costs) == pytest.approx(costs, abs=1e-5)
        assert ops.convert_to_numpy(judged.right).tolist() == right


def test_cross_entropy_by_hand():
    # softmax(log 3, 0) = (3/4, 1/4)
    costs, slopes = cross_entropy(np.array([[math.log(3), 0]], "float32"), np.array([[0.5, 0.5]], "float32"))
    assert float(costs[0]) == pytest.approx(-0.5 * math.log(3 / 4) - 0.5 * math.log(1 / 4), rel=1e-6)
    assert ops.convert_to_numpy(slopes) == pytest.approx(np.array([[0.25, -0.25]]), abs=1e-6)


def test_a_window_hides_all_but_the_pairs_that_follow():
    # Four pairs, each told from the one after it. Hidden logits are 99, which would be the greatest.
    logits = np.array([[2, 1, 99, 99], [99, 2, 5, 99], [99, 99, 2, 1], [0, 99, 99, 2]], "float32")
    judged = windowed_softmax(1, 0.2, batch=4)(logits, 0)
    costs = [math.log(1 + math.exp(z)) - 0.1 * z for z in (-1, 3, -1, -2)]  # z: other less own; its target is 0.2 / 2
    assert ops.convert_to_numpy(judged.costs) == pytest.approx(costs, rel=1e-5)
    assert ops.convert_to_numpy(judged.right).tolist() == [True, False, True, True]
    hidden = np.array([[0, 0, 1, 1], [1, 0, 0, 1], [1, 1, 0, 0], [0, 1, 1, 0]], bool)
    assert np.array_equal(ops.convert_to_numpy(judged.slopes) == 0, hidden)


@pytest.mark.parametrize(
    ("offset", "rows", "following", "reached"),
    [(0, 2, 1, [0, 1, 2]), (4, 2, 2, [4, 5, 0, 1]), (2, 2, 5, [2, 3, 4, 5, 0, 1]), (0, 6, 2, [0, 1, 2, 3, 4, 5])],
)
def test_neighbours_reach_their_windows_and_no_more(offset, rows, following, reached):
    candidates = np.arange(6, dtype="float32")[:, None]
    assert ops.convert_to_numpy(window_of(candidates, offset, rows, following))[:, 0].tolist() == reached
