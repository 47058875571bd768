"""The sigmoid criterion by hand; test_objective.py holds the loss against NumPy."""

import math

import numpy as np
import pytest
from keras import ops

from models.losses.sigmoid import pairwise_sigmoid


def test_two_pairs_by_hand():
    # Row 0's own logit is 2, row 1's is -1: -log sigmoid(u) = log(1 + e^-u) of own ones, log(1 + e^u) of others.
    judged = pairwise_sigmoid(0)(np.array([[2, -3], [0, -1]], "float32"), 0)
    costs = [math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-3)), math.log(2) + math.log(1 + math.e)]
    slopes = [[-1 / (1 + math.exp(2)), 1 / (1 + math.exp(3))], [0.5, -1 / (1 + math.exp(-1))]]
    assert ops.convert_to_numpy(judged.costs) == pytest.approx(costs, rel=1e-6)
    assert ops.convert_to_numpy(judged.slopes) == pytest.approx(np.array(slopes), rel=1e-6)
    assert ops.convert_to_numpy(judged.right).tolist() == [True, False]


def test_own_pairs_begin_at_the_row_offset():
    judged = pairwise_sigmoid(1)(np.array([[-9, -9, -9, 9]], "float32"), 2)
    assert float(judged.costs[0]) == pytest.approx(4 * math.log(1 + math.exp(-9)), rel=1e-5)
    assert bool(judged.right[0])


def test_large_logits_cost_themselves():
    judged = pairwise_sigmoid(0)(np.array([[-1024, 1024]], "float32"), 0)
    assert float(judged.costs[0]) == 2048
    assert ops.convert_to_numpy(judged.slopes).tolist() == [[-1, 1]]
