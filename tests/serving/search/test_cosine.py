"""Exact search against a loop that a reader can check, and composed queries by hand."""

from __future__ import annotations

import math
import resource
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.search.cosine import ImageIndex


def slow_search(embeddings, query, k):
    """Returns (row, cosine) of the k best, by plain Python, ties by row."""
    scored = []
    for row, vector in enumerate(embeddings):
        dot = sum(float(a) * float(b) for a, b in zip(vector, query, strict=True))
        lengths = math.hypot(*map(float, vector)) * math.hypot(*map(float, query))
        scored.append((row, dot / lengths))
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:k]


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40), dimension=st.integers(1, 9), k=st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_search_equals_a_plain_loop(seed, count, dimension, k):
    draw = np.random.default_rng(seed)
    embeddings = draw.normal(size=(count, dimension)) * draw.uniform(0.1, 9, size=(count, 1))
    queries = draw.normal(size=(3, dimension))
    index = ImageIndex([str(i) for i in range(count)], embeddings)
    rows, scores = index.search(queries, k)
    assert rows.shape == scores.shape == (3, min(k, count))
    for query, found, found_scores in zip(queries, rows, scores, strict=True):
        expected = slow_search(embeddings, query, k)
        np.testing.assert_allclose(found_scores, [score for _, score in expected], atol=1e-5)
        cosines = dict(slow_search(embeddings, query, count))
        np.testing.assert_allclose([cosines[row] for row in found], found_scores, atol=1e-5)
        assert len(set(found)) == len(found)


def test_equal_scores_keep_the_order_of_the_index():
    index = ImageIndex("abcdef", np.array([[0, 1], [1, 0], [2, 0], [0, 1], [3, 0], [1, 0]]))
    rows, scores = index.search(np.array([1.0, 0.0]), 3)
    assert rows.tolist() == [1, 2, 4]
    assert scores.tolist() == [1.0, 1.0, 1.0]
    assert index.search(np.array([1.0, 0.0]), 99)[0].tolist() == [1, 2, 4, 5, 0, 3]


def test_one_query_and_many_agree_beyond_a_block():
    draw = np.random.default_rng(0)
    index = ImageIndex([str(i) for i in range(30)], draw.normal(size=(30, 5)))
    queries = draw.normal(size=(150, 5))
    rows, scores = index.search(queries, 4)
    for query, row, score in zip(queries, rows, scores, strict=True):
        one_row, one_score = index.search(query, 4)
        assert one_row.tolist() == row.tolist()
        np.testing.assert_allclose(one_score, score, rtol=1e-5)


def test_a_subset_keeps_names_and_vectors_together():
    index = ImageIndex("abc", np.eye(3)).subset([2, 0])
    assert index.names == ["c", "a"]
    assert index.search(np.array([1.0, 0, 0]), 1)[0].tolist() == [1]


@pytest.mark.parametrize(
    ("names", "embeddings", "message"),
    [
        ("ab", np.eye(3), "2 names for embeddings of shape"),
        ("abc", np.ones(3), "3 names"),
        ("ab", [[1, 0], [0, 0]], "'b' is zero"),
        ("ab", [[np.nan, 0], [0, 1]], "'a' is zero or not finite"),
    ],
)
def test_an_index_of_nonsense_is_refused(names, embeddings, message):
    with pytest.raises(ValueError, match=message):
        ImageIndex(names, np.array(embeddings, float))


@pytest.mark.parametrize(
    ("query", "k", "message"),
    [([1.0, 0, 0], 1, r"takes \[2\]"), ([[[1.0, 0]]], 1, "shape"), ([0.0, 0], 1, "zero"), ([1.0, 0], 0, "k is 0")],
)
def test_a_search_for_nonsense_is_refused(query, k, message):
    with pytest.raises(ValueError, match=message):
        ImageIndex("ab", np.eye(2)).search(np.array(query), k)


def test_an_index_comes_back_from_its_file(tmp_path):
    draw = np.random.default_rng(1)
    index = ImageIndex(["a/ř.tar#1", "b", "名前"], draw.normal(size=(3, 7)))
    path = tmp_path / "new folder" / "index.npz"
    index.save(path)
    again = ImageIndex.load(path)
    assert again.names == index.names
    np.testing.assert_allclose(again.embeddings, index.embeddings, rtol=1e-6)
    assert [item.name for item in path.parent.iterdir()] == ["index.npz"]


@contextmanager
def files_limited_to(size: int):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # zipfile closes itself once more
def test_a_save_that_runs_out_of_room_leaves_the_index_before_it(tmp_path):
    path = tmp_path / "index.npz"
    ImageIndex("ab", np.eye(2)).save(path)
    before = path.read_bytes()
    with files_limited_to(20_000), pytest.raises(OSError, match=r"large|requested"):
        ImageIndex([str(i) for i in range(5000)], np.ones((5000, 16))).save(path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["index.npz"]


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_a_damaged_index_is_named(tmp_path, content):
    path = tmp_path / "index.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"index\.npz is not an image index"):
        ImageIndex.load(path)


def test_an_index_of_another_kind_or_cut_short_is_named(tmp_path):
    path = tmp_path / "index.npz"
    np.savez(path, other=np.eye(2))
    with pytest.raises(ValueError, match="not an image index"):
        ImageIndex.load(path)
    ImageIndex([str(i) for i in range(50)], np.ones((50, 8))).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="not an image index"):
        ImageIndex.load(path)
