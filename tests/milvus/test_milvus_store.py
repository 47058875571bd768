"""A store in Milvus does what the exact store does: answers, filters, changes, and what it refuses."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from index_rows import index_rows, queries
from serving.search.filters import And, Not, Or, Where
from serving.search.shards.files import write_shard
from serving.search.shards.schema import vector_column
from serving.search.stores.exact import ExactStore
from serving.search.stores.milvus import milvus_store
from serving.search.stores.milvus.connection import MilvusUnavailable
from serving.search.stores.milvus.milvus_store import MilvusStore, create_milvus_store
from serving.search.stores.milvus.place import Place
from serving.search.stores.opening import open_store

pytestmark = pytest.mark.milvus

ODD = ['a"b\\', 'ä "ö"\n\t\u2028😀', "it's %{x}", "<script>", "", " ", None]
HASHES = [0, 1, 2**63 - 1, 2**63, 2**64 - 1, None]
UNSAFE = [0.1, 0.5, None, 1e-7, 1.0, 0.0]
DAY = datetime.datetime(2026, 1, 4, tzinfo=datetime.timezone.utc)
FILTERS = [
    None,
    Where("language", "==", "en"),
    Where("language", "!=", "en"),
    Not(Where("language", "==", "en")),
    And((Where("language", "in", ["en", "th"]), Or((Where("width", ">", 500), Where("unsafe", "<=", 0.1))))),
    And(()),
    Or(()),
    Where("caption", "in", []),
    Where("ingested", ">=", DAY),
    Where("id", ">", "0300"),
    Where("id", "in", ["0001", "0002", "zz"]),
    Where("phash", "in", [0, 2**64 - 1]),
    *(Where("caption", op, text) for text in ODD[:-1] for op in ("==", "<", "!=")),
    *(Where("phash", op, number) for number in HASHES[:-1] for op in ("==", "<", ">=")),
    *(Where("unsafe", "==", number) for number in (0.1, 1e-7)),
]


def rows_of(count, **kinds):
    rows = index_rows([f"{number:04}" for number in range(count)], **kinds)
    captions = [*ODD, *rows.column("caption").to_pylist()][:count]
    rows = rows.set_column(rows.column_names.index("caption"), "caption", pa.array(captions, pa.string()))
    rows = rows.append_column("phash", pa.array((HASHES * count)[:count], pa.uint64()))
    return rows.append_column("unsafe", pa.array((UNSAFE * count)[:count], pa.float32()))


@pytest.fixture(scope="module")
def stores(milvus, tmp_path_factory):
    create_milvus_store(milvus, "both", fingerprint="f", dimension=8)
    exact = ExactStore(tmp_path_factory.mktemp("exact") / "store.parquet", fingerprint="f", dimension=8)
    rows = rows_of(600)
    store = MilvusStore(milvus, "both")
    for held in (store, exact):
        held.add(rows)
    return store, exact


@pytest.mark.parametrize("where", FILTERS, ids=str)
def test_the_same_is_found_in_the_same_order_with_the_same_scores(stores, where):
    store, exact = stores
    assert store.count(where) == exact.count(where)
    for k in (1, 7, 600):
        found, right = store.search(queries(3), k, where), exact.search(queries(3), k, where)
        assert found.ids == right.ids
        assert [line.tolist() for line in found.scores] == [line.tolist() for line in right.scores]


def test_rows_vectors_and_values_are_the_same(stores):
    store, exact = stores
    ids = [*exact.search(queries(1), 20).ids[0], "0000", "0006"]
    assert store.rows(ids).equals(exact.rows(ids))
    assert (store.vectors(ids) == exact.vectors(ids)).all()
    assert store.values("language", 9) == ["en", "th"]
    assert store.values("caption", 5) == exact.values("caption", 5)
    with pytest.raises(KeyError, match="no image 'zz'"):
        store.rows(["0001", "zz"])


def test_many_equal_vectors_come_by_id(milvus):
    create_milvus_store(milvus, "equal", fingerprint="f", dimension=8)
    store = MilvusStore(milvus, "equal")
    ids = [f"{number:03}" for number in range(200)]
    store.add(pa.table({"id": ids, "vector": vector_column(np.eye(1, 8).repeat(200, axis=0))}))
    assert store.search(store.vectors(["007"]), 5).ids == [["000", "001", "002", "003", "004"]]


def test_changes_are_seen_at_once_and_a_snapshot_has_nothing_that_is_newer(milvus, tmp_path):
    create_milvus_store(milvus, "changed", fingerprint="f", dimension=8)
    store, exact = MilvusStore(milvus, "changed"), ExactStore(tmp_path / "x", fingerprint="f", dimension=8)
    for held in (store, exact):
        held.add(rows_of(50))
    before = store.snapshot()
    for held in (store, exact):
        assert held.delete(["0000", "zz", "0001"]) == 2
        held.add(index_rows(["0002", "new"], seed=4))
    assert store.count() == exact.count() == 49
    assert store.search(queries(2), 60).ids == exact.search(queries(2), 60).ids
    assert MilvusStore(milvus, "changed").count() == 49
    assert set(before.search(queries(1), 60).ids[0]) == {f"{number:04}" for number in range(3, 50)}
    assert before.count() == 47


def test_shards_of_another_model_are_refused_before_any_is_added(milvus, tmp_path):
    create_milvus_store(milvus, "loaded", fingerprint="f", dimension=8, index="IVF_SQ8")
    store = MilvusStore(milvus, "loaded")
    for name, fingerprint in (("mine", "f"), ("other", "g")):
        write_shard(tmp_path / f"{name}.parquet", index_rows([name]), fingerprint=fingerprint, dimension=8)
    with pytest.raises(ValueError, match="made by model f, this is model g"):
        store.add_shards([tmp_path / "mine.parquet", tmp_path / "other.parquet"])
    assert store.count() == 0
    assert store.add_shards([tmp_path / "mine.parquet"]) == store.count() == 1


def test_what_cannot_be_is_said_in_a_sentence(milvus, stores, tmp_path):
    with pytest.raises(FileExistsError, match="holds a collection 'both'; choose another name"):
        create_milvus_store(milvus, "both", fingerprint="f", dimension=8)
    with pytest.raises(FileNotFoundError, match="holds no collection 'none'"):
        MilvusStore(milvus, "none")
    with pytest.raises(MilvusUnavailable, match=r"Milvus at http://127\.0\.0\.1:1 does not answer"):
        MilvusStore("http://127.0.0.1:1", "both")
    from pymilvus import MilvusClient

    MilvusClient(uri=milvus).create_collection("others", dimension=8)
    Place(milvus, "others").write(tmp_path)
    with pytest.raises(ValueError, match=r"'others' of Milvus .* is no index of embeddings"):
        open_store(tmp_path)
    with pytest.raises(ValueError, match=r"the id 'aaa.*'\.\.\. is longer than the 65535 bytes"):
        stores[0].add(index_rows(["a" * 65536]))


def test_a_text_that_is_too_long_is_cut_between_characters_and_counted(milvus):
    create_milvus_store(milvus, "long", fingerprint="f", dimension=8)
    store = MilvusStore(milvus, "long")
    captions = pa.array(["a" + "ä" * 40000, "a" * 65535])
    store.add(index_rows(["cut", "whole"]).drop(["caption"]).append_column("caption", captions))
    assert store.cut == 1
    held = store.rows(["cut", "whole"]).column("caption").to_pylist()
    assert held == ["a" + "ä" * 32767, "a" * 65535]


@pytest.mark.parametrize("index", ["HNSW", "IVF_SQ8"])
def test_no_index_gives_fewer_than_there_are(milvus, index):
    """Most of its rows were replaced since: a graph then leads nowhere, and lists that are looked at hold few."""
    create_milvus_store(milvus, f"replaced_{index}", fingerprint="f", dimension=8, index=index)
    store = MilvusStore(milvus, f"replaced_{index}")
    for seed in range(6):
        store.add(index_rows([f"{number:04}" for number in range(2000)], seed=seed))
    for what in ("flush", "release_collection", "load_collection"):  # so that it is searched by its index
        store.connection.ask(what)
    for where in (None, Where("language", "==", "th")):
        for k in (50, 2000):
            found = store.search(queries(20), k, where)
            assert {len(ids) for ids in found.ids} == {min(k, store.count(where))}
            assert all((np.diff(scores) <= 0).all() for scores in found.scores)


def test_of_an_id_that_is_added_again_and_again_the_last_row_alone_is_found(milvus, tmp_path, monkeypatch):
    """In one message, in several, in sealed segments and growing ones, between deletes: as in the exact store."""
    monkeypatch.setattr(milvus_store, "_BYTES_AT_ONCE", 4 * 8 * 50)
    create_milvus_store(milvus, "again", fingerprint="f", dimension=8)
    store, exact = MilvusStore(milvus, "again"), ExactStore(tmp_path / "x", fingerprint="f", dimension=8)
    chosen = np.random.default_rng(0)
    for change in range(12):
        ids = [f"{number:03}" for number in chosen.integers(300, size=200)]
        for held in (store, exact):
            held.add(index_rows(ids, seed=change))
            held.delete([f"{number:03}" for number in range(change, 300, 7)])
        if change % 4 == 3:
            store.connection.ask("flush")
            store.compact()
        found, right = store.search(queries(2), 300), exact.search(queries(2), 300)
        assert found.ids == right.ids
        assert store.count() == exact.count()
        assert store.rows(right.ids[0]).equals(exact.rows(right.ids[0]))
