"""Retrieval within one modality: a gallery to check by hand, a slow oracle, exclusions and copies."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluator.metrics.within import precision_within, queries_with_copies, rank_within

NONE = np.zeros((0, 2), int)


def at(*degrees) -> np.ndarray:
    return np.array([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], np.float32)


def slow_ranking(rows, query, out) -> list[int]:
    """Everybody else by falling similarity, equals by index."""
    similarity = (rows.astype(np.float64) @ rows[query].astype(np.float64)).astype(np.float32)
    return sorted((row for row in range(len(rows)) if row not in out), key=lambda row: (-similarity[row], row))


def test_a_gallery_to_check_by_hand():
    rows = at(0, 10, 30, 35)
    ranked = rank_within(rows, np.array([[0, 2], [3, 2], [3, 0]]), NONE)
    assert ranked.asked.tolist() == [0, 3]
    assert ranked.best.tolist() == [2, 2]
    assert ranked.ranks().tolist() == [2, 1]  # row 1 is nearer to row 0 than row 2 is
    assert ranked.candidates.tolist() == [3, 3]
    assert ranked.without_answer == 2
    assert ranked.values("t2t", (1, 2, 3)).keys() == {"t2t_recall_at_1", "t2t_recall_at_2", "t2t_median_rank"}
    # Row 3 has two right answers: its first candidate is one, its second, row 1 at 10 degrees, is none.
    assert precision_within(rows, np.array([[0, 2], [3, 2], [3, 0]]), NONE).tolist() == [0, 0.5]


def test_what_is_excluded_is_no_candidate():
    rows = at(0, 10, 30, 35)
    ranked = rank_within(rows, np.array([[0, 2]]), np.array([[0, 1], [0, 1], [0, 0], [2, 3]]))
    assert ranked.ranks().tolist() == [1]
    assert ranked.candidates.tolist() == [2]


@settings(max_examples=50)
@given(st.integers(3, 9), st.integers(1, 5), st.integers(0, 10**6))
def test_equals_sorting_everybody_else(count, rows_per_tile, seed):
    rng = np.random.default_rng(seed)
    rows = at(*rng.integers(0, 8, count) * 10)  # many equals
    right = {(q, a) for q, a in rng.integers(0, count, (8, 2)).tolist() if q != a}
    excluded = {(q, x) for q, x in rng.integers(0, count, (5, 2)).tolist()} - right
    right = right or {(0, 1)}
    excluded -= right
    pairs, out = np.array(sorted(right)), np.array(sorted(excluded), int).reshape(-1, 2)
    ranked = rank_within(rows, pairs, out, ties="index", rows_per_tile=rows_per_tile)
    precision = precision_within(rows, pairs, out, ties="index", rows_per_tile=rows_per_tile)
    assert ranked.asked.tolist() == sorted({q for q, _ in right})
    for place, query in enumerate(ranked.asked.tolist()):
        order = slow_ranking(rows, query, {query} | {x for q, x in excluded if q == query})
        found = [(query, row) in right for row in order]
        assert ranked.ranks()[place] == found.index(True) + 1
        assert ranked.best[place] == order[found.index(True)]
        assert ranked.candidates[place] == len(order)
        answers = sum(found)
        expected = sum(sum(found[:r]) / r for r in range(1, answers + 1) if found[r - 1]) / answers
        assert precision[place] == pytest.approx(expected)


def test_a_collapsed_model_gets_chance():
    rows = np.tile(at(40), (30, 1))
    pairs = np.array([(q, (q + step) % 30) for q in range(30) for step in (1, 2)])
    ranked = rank_within(rows, pairs, np.array([[0, 9]]))
    for k in (1, 5, 10):
        np.testing.assert_allclose(ranked.hits(k), ranked.chances(k))
    assert ranked.chances(1)[1] == pytest.approx(2 / 29)
    assert ranked.ranks()[1] == pytest.approx(10)  # the first of 2 among 29 stands at 30 / 3
    assert ranked.ranks()[0] == pytest.approx(29 / 3)


def test_copies_of_a_query_are_counted():
    rows = at(0, 0, 0, 50, 50, 70)
    assert queries_with_copies(rows, np.array([[0, 1], [3, 4], [5, 3]]), NONE) == 1  # 2 is a copy of 0, and wrong
    assert queries_with_copies(rows, np.array([[0, 1]]), np.array([[0, 2]])) == 0
    assert queries_with_copies(rows, np.array([[0, 1]]), np.array([[0, 0]])) == 1
    assert queries_with_copies(rows, np.array([[0, 3], [1, 3], [5, 3]]), NONE) == 2


@pytest.mark.parametrize(
    ("pairs", "excluded", "sentence"),
    [
        (NONE, NONE, "no query has a right answer among 3 rows"),
        (np.array([[1, 1]]), NONE, "row 1 is a right answer to row 1 and itself"),
        (np.array([[1, 2]]), np.array([[1, 2]]), "row 2 is a right answer to row 1 and also excluded"),
        (np.array([[1, 3]]), NONE, r"pairs holds the pair \[1, 3\]"),
        (np.array([[1, 2]]), np.array([[3, 2]]), r"excluded holds the pair \[3, 2\]"),
    ],
)
def test_pairs_that_ask_nothing_are_refused(pairs, excluded, sentence):
    with pytest.raises(ValueError, match=sentence):
        rank_within(at(0, 10, 20), pairs, excluded)


def test_rows_without_a_direction_are_refused():
    with pytest.raises(ValueError, match="row 0 of embedding has the length 3"):
        rank_within(at(0, 10) * 3, np.array([[0, 1]]), NONE)
