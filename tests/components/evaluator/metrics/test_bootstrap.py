"""Intervals and paired tests: cases to work out by hand, a slow oracle, and what they cover on made data."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.evaluator.metrics.bootstrap import interval, paired


def slow_statistics(values, clusters, draws, seed, statistic):
    """Put the drawn clusters' values side by side, one draw after the other."""
    names = sorted(set(clusters))
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = rng.integers(0, len(names), len(names), dtype=np.int32)
        rows = [v for d in drawn for v, c in zip(values, clusters, strict=True) if c == names[d]]
        found.append(statistic(rows))
    return found


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 4)), min_size=1, max_size=12),
    st.sampled_from(["mean", "median"]),
    st.integers(0, 3),
)
def test_an_interval_equals_that_of_values_put_side_by_side(rows, statistic, seed):
    values, clusters = np.array([v for v, _ in rows]), np.array([c for _, c in rows])
    assume(len(set(clusters)) > 1)
    found = interval(values, clusters=clusters, draws=20, level=0.8, seed=seed, statistic=statistic)
    sampled = slow_statistics(values, clusters, 20, seed, {"mean": np.mean, "median": np.median}[statistic])
    assert (found.low, found.high) == pytest.approx(np.quantile(sampled, [0.1, 0.9]), abs=1e-9)


def test_equal_values_leave_no_doubt():
    assert vars(interval(np.full(9, 0.25))) == {"low": 0.25, "high": 0.25}
    assert vars(interval(np.full(9, 3.0), statistic="median")) == {"low": 3.0, "high": 3.0}


def test_the_width_is_that_of_the_binomial():
    hits = (np.arange(2500) < 1000).astype(float)  # 40 %
    found = interval(hits, draws=1500)
    error = 1.96 * math.sqrt(0.4 * 0.6 / 2500)
    assert (found.low, found.high) == pytest.approx((0.4 - error, 0.4 + error), abs=3e-3)


def test_captions_that_share_an_image_are_worth_one():
    images = np.random.default_rng(0).integers(0, 2, 400).astype(float)
    captions, owner = np.repeat(images, 5), np.repeat(np.arange(400), 5)
    alone = interval(images)
    assert vars(interval(captions, clusters=owner)) == pytest.approx(vars(alone))
    blind = interval(captions)  # takes 2000 copies for 2000 answers
    assert (blind.high - blind.low) * math.sqrt(5) == pytest.approx(alone.high - alone.low, rel=0.1)


def test_19_of_20_intervals_hold_the_true_mean():
    rng = np.random.default_rng(1)
    found = [interval(rng.random(60) < 0.3, draws=80, seed=seed) for seed in range(100)]
    assert 0.88 <= np.mean([one.low <= 0.3 <= one.high for one in found]) <= 0.98


def test_a_model_is_no_better_than_itself():
    values = np.random.default_rng(0).random(50)
    assert vars(paired(values, values)) == {"difference": 0.0, "low": 0.0, "high": 0.0, "p_value": 1.0}


def test_a_model_that_is_better_on_every_query_is_surely_better():
    values = np.random.default_rng(0).random(50)
    found = paired(values, values + 0.25, draws=999)
    assert (found.difference, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))
    assert found.p_value == pytest.approx(2 / 1000)


def test_pairing_sees_what_two_intervals_hide():
    hard = np.random.default_rng(0).random(300)  # how hard a query is, the same for both models
    first, second = (hard < 0.5).astype(float), (hard < 0.55).astype(float)
    found = paired(first, second)
    assert 0 < found.low < found.difference < found.high
    assert interval(first).high > interval(second).low


def test_two_models_swapped_differ_by_the_other_sign():
    rng = np.random.default_rng(2)
    first, second = rng.random(80), rng.random(80)
    there, back = paired(first, second), paired(second, first)
    assert (there.difference, there.low, there.high) == pytest.approx((-back.difference, -back.high, -back.low))
    assert there.p_value == back.p_value


def test_equally_good_models_are_told_apart_one_time_in_twenty():
    rng = np.random.default_rng(3)
    p_values = [paired(rng.random(40), rng.random(40), draws=60).p_value for _ in range(120)]
    assert 0 < np.mean(np.array(p_values) < 0.05) <= 0.13


def test_a_median_is_drawn_as_a_median():
    ranks = np.array([1, 1, 1, 2, 90])
    found = interval(ranks, statistic="median")
    assert (found.low, found.high) == (1, 90)
    assert paired(ranks, ranks + 1, statistic="median").difference == 1


def test_without_a_query_there_is_no_interval():
    assert all(math.isnan(end) for end in vars(interval(np.array([]))).values())
    assert all(math.isnan(part) for part in vars(paired(np.array([]), np.array([]))).values())


@pytest.mark.parametrize("clusters", [None, np.zeros(5, int)])
def test_one_query_or_one_cluster_of_them_makes_nothing_sure(clusters):
    hits = np.ones(1 if clusters is None else 5)
    assert all(math.isnan(end) for end in vars(interval(hits, clusters=clusters)).values())
    test = paired(0 * hits, hits, clusters=clusters)
    assert test.difference == 1
    assert all(math.isnan(part) for part in (test.low, test.high, test.p_value))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: interval(np.array([1.0, math.nan])), "1 of 2 values are NaN"),
        (lambda: interval(np.ones(3), clusters=np.ones(2, int)), "2 clusters for 3 values"),
        (lambda: interval(np.ones(3), draws=0), "draws is 0"),
        (lambda: interval(np.ones(3), level=95), "level 95"),
        (lambda: paired(np.ones(3), np.ones(4)), "answered 3 and 4 queries"),
    ],
)
def test_what_has_no_interval_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
