"""The exact store against sums by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from index_rows import index_rows, queries
from serving.search.filters import Where
from serving.search.shards.schema import vector_column, vectors_of
from serving.search.stores.exact import ExactStore
from serving.search.stores.ranking import scan, widened
from serving.search.stores.store import check_model


@pytest.fixture
def store(tmp_path):
    return ExactStore(tmp_path / "store.parquet", fingerprint="f", dimension=2)


def table(**vectors):
    return pa.table({"id": list(vectors), "vector": vector_column(np.array(list(vectors.values())))})


def test_the_best_come_first_and_equal_ones_by_id(store):
    store.add(table(east=(1, 0), b=(0.6, 0.8), a=(0.6, 0.8), west=(-1, 0)))
    found = store.search(np.array([[0, 3.0], [1, 0]]), 3)
    assert found.ids == [["a", "b", "east"], ["east", "a", "b"]]
    assert found.scores[1] == pytest.approx([1, 0.6, 0.6], abs=1e-3)
    assert found.scores[0][0] == found.scores[0][1]


def test_what_was_added_replaced_and_deleted_is_there_when_opened_again(store):
    store.add(table(a=(1, 0), b=(0, 1)))
    store.add(table(b=(-1, 0), c=(0, 1)))
    assert store.delete(["a", "z"]) == 1
    again = ExactStore(store.path, fingerprint="f", dimension=2)
    assert again.count() == 2
    assert again.search(np.array([[-1.0, 0]]), 5).ids == [["b", "c"]]
    assert again.vectors(["c", "b"]).tolist() == [[0, 1], [-1, 0]]
    assert again.rows(["c"]).column("id").to_pylist() == ["c"]
    assert "vector" not in again.rows(["c"]).column_names


def test_a_snapshot_stays(store):
    store.add(table(a=(1, 0), b=(0, 1)))
    before = store.snapshot()
    store.delete(["a"])
    assert before.search(np.array([[1.0, 0]]), 1).ids == [["a"]]
    assert store.search(np.array([[1.0, 0]]), 1).ids == [["b"]]


def test_a_filter_leaves_only_what_fulfils_it(store):
    store.add(table(a=(1, 0), b=(0, 1)).append_column("language", pa.array(["en", None])))
    assert store.search(np.array([[0, 1.0]]), 2, Where("language", "==", "en")).ids == [["a"]]
    assert store.search(np.array([[0, 1.0]]), 2, Where("language", "==", "th")).ids == [[]]


def test_a_scan_in_blocks_is_one_product_sorted(monkeypatch):
    monkeypatch.setattr("serving.search.stores.ranking._NUMBERS_AT_ONCE", 7 * 8)
    vectors = vectors_of(index_rows([str(number) for number in range(100)]))
    asked = queries(3) / np.linalg.norm(queries(3), axis=1, keepdims=True)
    exact = vectors.astype(np.float64)
    scores = ((asked @ exact.T) / np.linalg.norm(exact, axis=1)).astype(np.float32)
    rows = np.arange(0, 100, 2)
    for (found, cosine), line in zip(scan(asked, vectors, rows, 9), scores, strict=True):
        assert found.tolist() == sorted(rows, key=lambda row: (-line[row], row))[:9]
        assert cosine == pytest.approx(line[found])


def test_every_finite_half_is_widened_as_numpy_does():
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    assert widened(halves).tobytes() == halves.astype(np.float32).tobytes()


def test_an_empty_store_finds_nothing(store):
    assert store.search(np.array([[1.0, 0]]), 3).ids == [[]]


def test_another_model_or_dimension_is_refused(store):
    store.add(table(a=(1, 0)))
    with pytest.raises(ValueError, match="made by model f with D = 2, this is g with D = 2"):
        ExactStore(store.path, fingerprint="g", dimension=2)
    with pytest.raises(ValueError, match="holds D = 2, the model gives D = 3"):
        check_model(store, "f", 3)
    with pytest.raises(ValueError, match="made by model f, this is model g"):
        check_model(store, "g", 2)


@pytest.mark.parametrize(
    ("asked", "k", "sentence"),
    [
        (np.ones(2), 1, r"takes \[Q, 2\]"),
        (np.ones((1, 3)), 1, r"shape \(1, 3\)"),
        (np.zeros((1, 2)), 1, "zero or not finite"),
        (np.ones((1, 2)), 0, "k is 0"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(store, asked, k, sentence):
    with pytest.raises(ValueError, match=sentence):
        store.search(asked, k)


def test_an_id_that_is_not_there_is_named(store):
    with pytest.raises(KeyError, match="no image 'z'"):
        store.rows(["z"])
