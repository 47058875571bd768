"""The walk over blocks of rows: what it adds up, whatever the blocks."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from loss_oracle import unit_rows
from models.losses.contrastive import smoothed_softmax
from models.losses.pair_blocks import Judged, recall_at_1, score_rows


def squares(logits, first):
    """Costs whose sums a hand can check: half the sum of squares; every row counts as right but the third."""
    rows = ops.arange(ops.shape(logits)[0]) + first
    return Judged(ops.sum(logits * logits, axis=1) / 2, logits, ops.not_equal(rows, 2))


def differentiate(block_logits, signature=None):
    x = np.array([[1, 0], [0, 2], [1, 1]], "float32")
    y = np.array([[1, 0], [0, 1]], "float32")

    def step(x, y):
        temperature, bias = tf.constant(0.5), tf.constant(1.0)
        with tf.GradientTape() as tape:
            tape.watch([x, y, temperature, bias])
            scored = score_rows(x, y, temperature, bias, squares, block_logits)
        return scored, tape.gradient(scored.loss, [x, y, temperature, bias])

    if signature is not None:
        step = tf.function(step, input_signature=signature)
    scored, gradients = step(tf.constant(x), tf.constant(y))
    return float(scored.loss), float(scored.recall_at_1), [g.numpy().tolist() for g in gradients]


@pytest.mark.parametrize("block_logits", [1, 2, 4, 5, 6, 1000])
def test_three_queries_by_hand(block_logits):
    """Blocks of 1, 1, 2, 2, 3 and 3 rows: 2 leave a rest.

    Logits 2 x.y + 1 are (3, 1), (1, 5), (3, 3); slopes are the logits over B = 3, doubled towards the cosines.
    """
    loss, recall, (by_x, by_y, by_temperature, by_bias) = differentiate(block_logits)
    assert loss == pytest.approx((10 + 26 + 18) / 2 / 3)
    assert recall == pytest.approx(2 / 3)
    assert np.array(by_x) == pytest.approx(np.array([[3, 1], [1, 5], [3, 3]]) * 2 / 3)
    assert np.array(by_y) == pytest.approx(np.array([[3 + 3, 2 + 3], [1 + 3, 10 + 3]]) * 2 / 3)
    # d logit / d temperature = -cosine / 0.25; cosines (1, 0), (0, 2), (1, 1)
    assert by_temperature == pytest.approx(-(3 + 10 + 3 + 3) / 3 / 0.25)
    assert by_bias == pytest.approx((4 + 6 + 6) / 3)


def test_rows_of_unknown_number_are_taken_at_once():
    loss, recall, gradients = differentiate(1, [tf.TensorSpec([None, 2]), tf.TensorSpec([2, 2])])
    known_loss, known_recall, known_gradients = differentiate(1)
    assert (loss, recall) == pytest.approx((known_loss, known_recall))
    for found, expected in zip(gradients, known_gradients, strict=True):
        assert np.array(found) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("block_logits", [1, 8, 1000])
def test_recall_takes_the_first_of_equals(block_logits):
    """A model that embeds all alike finds one pair of four, not all."""
    same = np.ones((4, 2), "float32")
    assert float(recall_at_1(same, same, 0, block_logits)) == 0.25
    assert float(recall_at_1(same[:2], same, 2, block_logits)) == 0


@pytest.mark.parametrize("block_logits", [1, 12, 1000])
def test_recall_alone_is_the_loss_s(block_logits):
    rng = np.random.default_rng(0)
    texts = unit_rows(rng, 6, 3)
    images = unit_rows(rng, 6, 3) + texts
    expected = score_rows(images[3:], texts, 0.1, 0.0, smoothed_softmax(3, 0.1)).recall_at_1
    assert 0 < float(expected) < 1
    assert float(recall_at_1(images[3:], texts, 3, block_logits)) == pytest.approx(float(expected))
