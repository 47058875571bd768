"""Segments made of embedding shards: of shards that do not fit into memory at once, and beside segments that stand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from serving.search.shards.files import write_shard
from serving.search.shards.schema import vector_column
from serving.search.stores.segments.bulk import encode_group, grouped, put_in_place
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.manifest import Manifest
from serving.search.stores.segments.segment_store import SegmentStore

DIMENSION = 4
MADE = Manifest("made", DIMENSION)


@pytest.fixture
def shards(tmp_path):
    """Five shards of 40 rows, each of which has half of its ids from the shard before."""
    paths = []
    for number in range(5):
        vectors = np.random.default_rng(number).normal(size=(40, DIMENSION))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        ids = [f"{name:03}" for name in range(20 * number, 20 * number + 40)]
        rows = pa.table({"id": ids[::-1], "vector": vector_column(vectors), "caption": [f"of {number}"] * 40})
        paths.append(tmp_path / f"{number}.parquet")
        write_shard(paths[-1], rows, fingerprint="made", dimension=DIMENSION)
    return paths


def held(folder) -> dict[str, tuple[str, bytes]]:
    store = SegmentStore(folder)
    store.check()
    ids = store.search(np.eye(1, DIMENSION), 1000).ids[0]
    captions = store.rows(ids).column("caption").to_pylist()
    return {name: (of, vector.tobytes()) for name, of, vector in zip(ids, captions, store.vectors(ids), strict=True)}


@pytest.mark.parametrize("at_once", [40, 90, 1000])
def test_a_group_is_one_segment_however_little_fits_into_memory(tmp_path, shards, at_once):
    sizes = Sizes(exact_below=50, bytes_below=1000)  # with codes
    entry = encode_group(tmp_path, shards, DIMENSION, sizes, at_once)
    put_in_place(tmp_path, MADE, [], [entry])
    assert entry.rows == 120
    assert [file.name.rpartition("/")[2] for file in entry.files] == ["codes.faiss", "rows.arrow", "vectors.f16"]
    found = held(tmp_path)
    assert sorted(found) == [f"{name:03}" for name in range(120)]
    assert {name: of for name, (of, _) in found.items()} == {
        f"{name:03}": f"of {min(name // 20, 4)}" for name in range(120)
    }
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [entry.name]  # nothing aside is left


def test_groups_and_what_stood_before_share_no_id(tmp_path, shards):
    groups = grouped(shards, largest=80)
    assert [len(group) for group in groups] == [2, 2, 1]
    put_in_place(tmp_path, MADE, [], [encode_group(tmp_path, groups[0], DIMENSION)])
    assert len(held(tmp_path)) == 60
    old = SegmentStore(tmp_path).whole().parts
    put_in_place(tmp_path, MADE, old, [encode_group(tmp_path, group, DIMENSION) for group in groups[1:]])
    together = held(tmp_path)
    assert len(together) == SegmentStore(tmp_path).count() == 120
    assert {together[f"{name:03}"][0] for name in range(40, 60)} == {"of 2"}
    assert [entry.deleted for entry in SegmentStore(tmp_path).entries()] == [20, 20, 0]


def test_a_segment_of_which_nothing_is_left_is_dropped(tmp_path, shards):
    first = encode_group(tmp_path, shards[:1], DIMENSION)
    put_in_place(tmp_path, MADE, [], [first])
    old = SegmentStore(tmp_path).whole().parts
    again = encode_group(tmp_path, shards[:1], DIMENSION)
    put_in_place(tmp_path, MADE, old, [again])
    assert [entry.name for entry in SegmentStore(tmp_path).entries()] == [again.name]


def test_empty_shards_are_in_no_group(tmp_path, shards):
    empty = tmp_path / "empty.parquet"
    nothing = pa.table({"id": pa.array([], pa.string()), "vector": vector_column(np.zeros((0, DIMENSION)))})
    write_shard(empty, nothing, fingerprint="made", dimension=DIMENSION)
    assert grouped([empty, shards[0], empty, shards[1]]) == [shards[:2]]
    assert grouped([empty]) == []
