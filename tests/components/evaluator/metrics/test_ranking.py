"""Ranks with ties, against counting every order of the tied candidates."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluator.metrics.ranking import grid_similarity, grid_similarity_of_rows, hit_probability, mean


def hit_share_over_all_orders(greater: int, tied: int, right: int, k: int) -> float:
    places = max(k - greater, 0)
    orders = list(itertools.permutations([True] * right + [False] * (tied - right)))
    return sum(any(order[:places]) for order in orders) / len(orders)


@given(st.integers(0, 4), st.integers(1, 6), st.data())
def test_hit_probability_equals_counting_all_orders(greater, tied, data):
    right = data.draw(st.integers(1, tied))
    k = data.draw(st.integers(1, 10))
    expected = hit_share_over_all_orders(greater, tied, right, k)
    assert hit_probability(greater, tied, right, k) == pytest.approx(expected, abs=1e-12)


def test_without_ties_a_hit_is_a_hit_and_a_miss_a_miss():
    above = np.array([0, 4, 5, 9, 10])
    assert hit_probability(above, 1, 1, 1).tolist() == [1, 0, 0, 0, 0]
    assert hit_probability(above, 1, 1, 5).tolist() == [1, 1, 0, 0, 0]
    assert hit_probability(above, 1, 1, 10).tolist() == [1, 1, 1, 1, 0]


def test_two_equals_share_the_last_place():
    assert hit_probability(0, 2, 1, 1) == 0.5
    assert hit_probability(4, 2, 1, 5) == 0.5
    assert hit_probability(4, 2, 2, 5) == 1.0


def test_equal_vectors_tie_however_they_were_batched():
    vectors = np.random.default_rng(0).normal(size=(37, 61)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    whole = grid_similarity(vectors, vectors)
    np.testing.assert_array_equal(np.diag(whole), grid_similarity_of_rows(vectors, vectors))
    np.testing.assert_array_equal(whole[5:6], grid_similarity(vectors[5:6], vectors))


def test_mean_does_not_depend_on_the_order_and_is_nan_of_nothing():
    values = np.array([1e16, 1.0, -1e16, 1.0])
    assert mean(values) == mean(values[[0, 2, 1, 3]]) == 0.5
    assert math.isnan(mean(np.array([])))
