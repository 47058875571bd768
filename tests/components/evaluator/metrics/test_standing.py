"""Counts by tiles equal counts of all similarities at once, in all that float32 cannot tell apart too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluator.metrics.pairs import distinct, scored
from components.evaluator.metrics.ranking import compared_by
from components.evaluator.metrics.standing import Standing, count_across, count_within


def unit(rows) -> np.ndarray:
    array = np.asarray(rows, np.float32)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def slow_counts(asking, answering, pairs, ties) -> dict[tuple[int, int], tuple[int, int, int]]:
    """Compare each candidate with each answer, one after the other."""
    similarity = compared_by(asking.astype(np.float64) @ answering.astype(np.float64).T, ties)
    found = {}
    for query, answer in pairs.tolist():
        row, own = similarity[query], similarity[query, answer]
        found[query, answer] = (int(sum(row > own)), int(sum(row == own)), int(sum(row[:answer] == own)))
    return found


def as_mapping(standing: Standing) -> dict[tuple[int, int], tuple[int, int, int]]:
    columns = (standing.pairs.query, standing.pairs.answer, standing.above, standing.level, standing.before)
    return {
        (q, a): (up, level, before) for q, a, up, level, before in zip(*map(np.ndarray.tolist, columns), strict=True)
    }


def rows_of(kind: str, rng, count: int, dim: int) -> np.ndarray:
    """Rows that are far apart, nearer than float32 can tell, few and often repeated, or all the same."""
    drawn = rng.normal(size=(count, dim))
    if kind == "near":
        return unit(rng.normal(size=dim) + drawn * 1e-7)
    if kind == "repeated":
        return unit(drawn[rng.integers(0, min(3, count), count)])
    if kind == "same":
        return unit(np.tile(drawn[:1], (count, 1)))
    return unit(drawn)


KINDS = ("far", "near", "repeated", "same")


@settings(max_examples=40)
@given(st.sampled_from(KINDS), st.sampled_from(("expected", "index")), st.integers(1, 9), st.integers(0, 10**6))
def test_tiles_of_any_size_count_what_one_table_counts(kind, ties, rows_per_tile, seed):
    rng = np.random.default_rng(seed)
    left, right = rows_of(kind, rng, rng.integers(1, 12), 5), rows_of(kind, rng, rng.integers(1, 12), 5)
    if kind == "near":
        right[: len(left)] = left[: len(right)]
    sizes = (len(left), len(right))
    forward = distinct("forward", rng.integers(0, sizes, (rng.integers(0, 15), 2)), *sizes)
    backward = distinct("backward", rng.integers(0, sizes[::-1], (rng.integers(0, 15), 2)), *sizes[::-1])
    counts = count_across(
        left, right, scored(left, right, forward, ties), scored(right, left, backward, ties), ties,
        rows_per_tile=rows_per_tile,
    )  # fmt: skip
    assert as_mapping(counts[0]) == slow_counts(left, right, forward, ties)
    assert as_mapping(counts[1]) == slow_counts(right, left, backward, ties)
    within = distinct("within", rng.integers(0, sizes[0], (rng.integers(0, 15), 2)), sizes[0], sizes[0])
    found = count_within(left, scored(left, left, within, ties), ties, rows_per_tile=rows_per_tile)
    assert as_mapping(found) == slow_counts(left, left, within, ties)


@pytest.mark.parametrize("ties", ["expected", "index"])
@pytest.mark.parametrize("kind", KINDS)
def test_float32_decides_nothing_that_it_cannot_tell(kind, ties):
    rng = np.random.default_rng(7)
    left, right = rows_of(kind, rng, 150, 640), rows_of(kind, rng, 330, 640)
    if kind == "near":  # most candidates are within float32's error of the answer
        right = unit(left[rng.integers(0, 150, 330)] + rng.normal(size=(330, 640)) * 1e-6)
    pairs = np.stack([rng.integers(0, 150, 200), rng.integers(0, 330, 200)], axis=1)
    forward, backward = distinct("pairs", pairs, 150, 330), distinct("pairs", pairs[:, ::-1], 330, 150)
    counts = count_across(
        left, right, scored(left, right, forward, ties), scored(right, left, backward, ties), ties, rows_per_tile=64
    )
    assert as_mapping(counts[0]) == slow_counts(left, right, forward, ties)
    assert as_mapping(counts[1]) == slow_counts(right, left, backward, ties)


def test_rows_may_lie_in_a_file(tmp_path):
    rng = np.random.default_rng(0)
    left, right = rows_of("far", rng, 20, 8), rows_of("far", rng, 30, 8)
    np.save(tmp_path / "right.npy", right)
    mapped = np.load(tmp_path / "right.npy", mmap_mode="r")
    pairs = distinct("pairs", np.stack([np.arange(20), np.arange(20)], axis=1), 20, 30)
    nothing = scored(mapped, left, distinct("none", np.zeros((0, 2), int), 30, 20), "expected")
    counts = count_across(left, mapped, scored(left, mapped, pairs, "expected"), nothing, "expected", rows_per_tile=7)
    assert as_mapping(counts[0]) == slow_counts(left, right, pairs, "expected")
    assert as_mapping(counts[1]) == {}


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        (np.array([[0, 3]]), r"answers holds the pair \[0, 3\], but there are 3 rows"),
        (np.array([[-1, 0]]), r"holds the pair \[-1, 0\], but there are 2 rows"),
        (np.array([[0.0, 1.0]]), "answers is float64 of the shape"),
        (np.array([0, 1]), r"of the shape \(2,\)"),
    ],
)
def test_pairs_that_point_at_nothing_are_refused(pairs, sentence):
    with pytest.raises(ValueError, match=sentence):
        distinct("answers", pairs, 2, 3)


def test_a_pair_listed_twice_counts_once():
    assert distinct("pairs", np.array([[1, 2], [0, 1], [1, 2]]), 2, 3).tolist() == [[0, 1], [1, 2]]
    assert distinct("pairs", np.zeros((0, 2), int), 2, 0).tolist() == []


@pytest.mark.parametrize("ties", ["expected", "index"])
def test_a_tile_that_beats_nearly_every_answer_is_counted_in_full(ties):
    """As many as overflow a byte, each way: the answer of a row is its worst candidate, or next to it."""
    rng = np.random.default_rng(0)
    left, right = rows_of("far", rng, 300, 6), rows_of("far", rng, 2100, 6)
    right[70:90] = right[50:70]
    similarity = compared_by(left.astype(np.float64) @ right.astype(np.float64).T, ties)
    for asking, answering, table in ((left, right, similarity), (right, left, similarity.T)):
        order = np.argsort(table, axis=1, kind="stable")
        pairs = np.concatenate([np.stack([np.arange(len(table)), order[:, place]], axis=1) for place in (0, 7)])
        forward = scored(asking, answering, distinct("pairs", pairs, *table.shape), ties)
        backward = scored(answering, asking, distinct("none", pairs[:0], *table.T.shape), ties)
        ahead, _ = count_across(asking, answering, forward, backward, ties, rows_per_tile=4096)
        _, behind = count_across(answering, asking, backward, forward, ties, rows_per_tile=4096)
        rows, own = table[forward.query], table[forward.query, forward.answer][:, None]
        earlier = np.arange(table.shape[1]) < forward.answer[:, None]
        for counts in (ahead, behind):
            np.testing.assert_array_equal(counts.above, (rows > own).sum(axis=1))
            np.testing.assert_array_equal(counts.level, (rows == own).sum(axis=1))
            np.testing.assert_array_equal(counts.before, ((rows == own) & earlier).sum(axis=1))
        assert ahead.above.max() == table.shape[1] - 1
