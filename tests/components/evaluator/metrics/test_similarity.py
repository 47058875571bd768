"""Rank correlations: SciPy as the oracle, CxC's draws beside all that there are, and what has no order."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from components.evaluator.metrics.similarity import (
    Correlations,
    crisscrossed_correlations,
    pair_similarity,
    resampled_correlations,
    spearman,
)

RATINGS = st.integers(0, 5)  # CxC's scale: most pairs tie


@settings(max_examples=40)
@given(st.lists(st.tuples(RATINGS, st.one_of(RATINGS, st.floats(-5, 5))), min_size=2, max_size=40))
def test_spearman_equals_scipys_ties_included(pairs):
    left, right = (np.array(column, np.float64) for column in zip(*pairs, strict=True))
    if len({*left}) == 1 or len({*right}) == 1:
        assert math.isnan(spearman(left, right))
    else:
        assert spearman(left, right) == pytest.approx(spearmanr(left, right).statistic, abs=1e-12)


def test_a_case_to_check_by_hand():
    assert spearman(np.array([1.0, 2, 3]), np.array([5.0, 6, 100])) == 1  # the order alone counts
    assert spearman(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == -1
    # Ranks 1, 2.5, 2.5, 4 beside 1, 2, 3, 4: sums of products 4.5 over sqrt(4.5 x 5).
    assert spearman(np.array([0.0, 1, 1, 2]), np.array([0.0, 1, 2, 3])) == pytest.approx(4.5 / math.sqrt(4.5 * 5))


@pytest.mark.parametrize("pairs", [0, 1])
def test_fewer_than_two_pairs_have_no_order(pairs):
    assert math.isnan(spearman(np.ones(pairs), np.ones(pairs)))


def test_what_does_not_fit_or_has_no_rank_is_refused():
    with pytest.raises(ValueError, match="2 values stand beside 3"):
        spearman(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="value 1 is NaN, which has no rank"):
        spearman(np.array([1, np.nan]), np.ones(2))
    with pytest.raises(ValueError, match="query has 1 entries for 2 ratings"):
        crisscrossed_correlations(np.zeros(1, int), np.ones(2), np.ones(2))


def test_cxcs_draws_are_half_of_the_queries_with_one_pair_each():
    # Four queries with 1, 2, 1 and 3 pairs, in no order. All draws there can be: two queries, one pair of each.
    query = np.array([7, 3, 9, 3, 4, 9, 9])
    similarity = np.array([0.1, 0.7, 0.3, 0.2, 0.9, 0.4, 0.8])
    ratings = np.array([1.0, 5.0, 1.0, 3.0, 4.0, 2.0, 2.0])
    possible, weights = [], []
    for two in itertools.combinations([7, 3, 9, 4], 2):
        of_each = [np.flatnonzero(query == one) for one in two]
        for rows in itertools.product(*of_each):
            possible.append(spearman(similarity[[*rows]], ratings[[*rows]]))
            weights.append(1 / 6 / math.prod(len(rows) for rows in of_each))
    drawn = crisscrossed_correlations(query, similarity, ratings, draws=4000)
    held = np.array([value for value in possible if not math.isnan(value)])
    shares = np.array([weight for value, weight in zip(possible, weights, strict=True) if not math.isnan(value)])
    expected = float(np.average(held, weights=shares))
    assert {*drawn.draws.round(9)} == {*held.round(9)}
    assert drawn.mean == pytest.approx(expected, abs=4 * drawn.deviation / math.sqrt(4000))
    assert drawn.undefined / 4000 == pytest.approx(1 - shares.sum(), abs=0.02)


def test_a_model_that_orders_all_pairs_as_people_do_has_one_in_every_draw():
    ratings = np.random.default_rng(0).permutation(400).astype(np.float64)
    drawn = crisscrossed_correlations(np.arange(400) // 3, ratings**3, ratings, draws=20)
    assert (drawn.mean, drawn.deviation, drawn.undefined) == (1, 0, 0)


def test_the_same_seed_draws_the_same_pairs_for_every_model():
    rng = np.random.default_rng(0)
    query, ratings, similarity = np.arange(60) // 2, rng.normal(size=60), rng.normal(size=60)
    one, other = (crisscrossed_correlations(query, side, ratings, draws=9).draws for side in (similarity, -similarity))
    np.testing.assert_allclose(one, -other)
    one, other = (resampled_correlations(side, ratings, draws=9).draws for side in (similarity, -similarity))
    np.testing.assert_allclose(one, -other)


def test_resampled_pairs_spread_as_the_correlation_does():
    rng = np.random.default_rng(0)
    ratings = rng.normal(size=500)
    similarity = ratings + rng.normal(size=500)
    drawn = resampled_correlations(similarity, ratings, draws=300)
    assert drawn.mean == pytest.approx(spearman(similarity, ratings), abs=0.01)
    assert 0.01 < drawn.deviation < 0.05  # about (1 - 0.7^2) / sqrt(500)


def test_constants_have_no_correlation_and_are_counted():
    drawn = crisscrossed_correlations(np.arange(8), np.ones(8), np.arange(8.0), draws=5)
    assert math.isnan(drawn.mean)
    assert math.isnan(drawn.deviation)
    assert drawn.undefined == 5
    assert math.isnan(Correlations(np.zeros(0), 0).mean)


def test_the_similarity_of_a_pair_is_its_cosine_and_equal_pairs_tie():
    texts = np.eye(3, dtype=np.float32)
    images = np.array([[0.6, 0.8, 0], [0.6 + 1e-8, 0.8, 0]], np.float32)
    found = pair_similarity(texts, images, np.array([0, 0, 1, 2]), np.array([0, 1, 0, 0]))
    assert found == pytest.approx([0.6, 0.6, 0.8, 0], abs=1e-6)
    assert found[0] == found[1]
    with pytest.raises(ValueError, match="row 0 of right has the length 2"):
        pair_similarity(texts, 2 * texts, np.array([0]), np.array([0]))
