"""Which pairs are positives of which, and what that costs, by hand; test_objective.py holds the loss against NumPy."""

import math

import numpy as np
import pytest
from keras import ops

from models.losses.contrastive import smoothed_softmax
from models.losses.multi_positive import multi_positive_softmax


def ids(*values):
    """Returns [N, 2] int32 fingerprints whose halves are the number's digits."""
    return np.array([divmod(value, 10) for value in values], "int32")


def test_a_shared_image_or_caption_makes_a_positive():
    # Pairs 0 and 1 share the image, 1 and 2 the caption: 0 and 2 stay negatives. Pair 3 shares one half with each.
    images, captions = ids(11, 11, 22, 12), ids(33, 44, 44, 34)
    logits = np.zeros((4, 4), "float32")
    judged = multi_positive_softmax(images, captions, images, captions, 0.0)(logits, 0)
    targets = 0.25 - ops.convert_to_numpy(judged.slopes)  # slope = softmax - target
    third, half = 1 / 3, 1 / 2
    expected = [[half, half, 0, 0], [third, third, third, 0], [0, half, half, 0], [0, 0, 0, 1]]
    assert targets == pytest.approx(np.array(expected), abs=1e-6)


def test_a_repeated_pair_costs_log_2_and_no_more():
    # Two copies of one pair and one other, far away: a softmax asks each copy to be told from itself, which is in vain.
    twice = ids(1, 1, 2)
    logits = np.array([[50, 50, 0], [50, 50, 0], [0, 0, 50]], "float32")
    judged = multi_positive_softmax(twice, twice, twice, twice, 0.0)(logits, 0)
    assert ops.convert_to_numpy(judged.costs) == pytest.approx([math.log(2), math.log(2), 0], abs=1e-6)
    assert np.abs(ops.convert_to_numpy(judged.slopes)).max() < 1e-6  # nothing more to gain
    assert ops.convert_to_numpy(judged.right).tolist() == [True, True, True]
    assert np.abs(ops.convert_to_numpy(smoothed_softmax(0, 0.0)(logits, 0).slopes)).max() == pytest.approx(0.5)


def test_a_block_reads_its_own_rows_fingerprints():
    images, captions = ids(1, 2, 3, 1), ids(5, 6, 7, 8)
    whole = multi_positive_softmax(images, captions, images, captions, 0.1)
    logits = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    costs = ops.convert_to_numpy(whole(logits, 0).costs)
    assert ops.convert_to_numpy(whole(logits[2:], 2).costs) == pytest.approx(costs[2:], rel=1e-6)
    replica = multi_positive_softmax(images[2:], captions[2:], images, captions, 0.1)
    assert ops.convert_to_numpy(replica(logits[2:], 0).costs) == pytest.approx(costs[2:], rel=1e-6)


def test_equals_the_softmax_where_nothing_repeats():
    alone = ids(*range(10, 16))
    logits = np.random.default_rng(1).normal(size=(6, 6)).astype("float32")
    several = multi_positive_softmax(alone, alone, alone, alone, 0.1)(logits, 0)
    plain = smoothed_softmax(0, 0.1)(logits, 0)
    for found, expected in zip(several, plain, strict=True):
        assert np.array_equal(ops.convert_to_numpy(found), ops.convert_to_numpy(expected))
