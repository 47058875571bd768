"""Rows take one form, and a shard gives back what it was given, and what made it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from index_rows import index_rows
from serving.search.shards.files import ShardFacts, read_shard, shard_facts, write_shard
from serving.search.shards.schema import METADATA, conform, schema, vector_column, vectors_of


def test_a_shard_gives_back_its_rows_and_says_what_made_it(tmp_path):
    rows = index_rows(["b", "a", "c"])
    write_shard(tmp_path / "new" / "shard.parquet", rows, fingerprint="f", dimension=8)
    path = tmp_path / "new" / "shard.parquet"
    assert shard_facts(path) == ShardFacts("f", 8, 3)
    assert read_shard(path).equals(conform(rows, 8))
    assert read_shard(path, ["caption"]).to_pydict() == {"caption": ["a of 0", "b of 0", "c of 0"]}
    assert [entry.name for entry in path.parent.iterdir()] == ["shard.parquet"]


def test_vectors_go_through_a_column_unchanged_also_in_slices():
    vectors = np.eye(4, dtype=np.float16)
    column = pa.chunked_array([vector_column(vectors)[1:3], vector_column(vectors)[3:], vector_column(vectors)[:0]])
    assert (vectors_of(pa.table({"vector": column})) == vectors[1:]).all()


def test_of_rows_with_one_id_the_last_stays():
    rows = pa.concat_tables([index_rows(["b", "a"], seed=0), index_rows(["b"], seed=1)])
    assert conform(rows, 8).column("caption").to_pylist() == ["a of 0", "b of 1"]


def test_a_missing_column_is_null():
    table = conform(pa.table({"id": ["a"], "vector": vector_column(np.eye(1, 8))}), 8)
    assert table.schema == schema(8)
    assert all(table.column(name).null_count for name in METADATA.names[1:])


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (index_rows(["a"]).drop(["id"]), "no column 'id'"),
        (index_rows(["a"]).append_column("colour", pa.array(["red"])), "'colour' is unknown"),
        (index_rows(["a"], dimension=16), "the vectors have D = 16; this index takes D = 8"),
        (pa.table({"id": ["a"], "vector": [[0.5]]}), "type list"),
        (pa.table({"id": ["a"], "vector": vector_column(np.full((1, 8), 2.0))}), "'a' has length 5.66"),
        (pa.table({"id": ["a"], "vector": vector_column(np.full((1, 8), np.nan))}), "'a' has length nan"),
        (pa.table({"id": ["a"], "vector": vector_column(np.eye(1, 8)), "width": ["wide"]}), "'width' is not int32"),
        (pa.table({"id": pa.array([None], pa.string()), "vector": vector_column(np.eye(1, 8))}), "'id' has 1 nulls"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, sentence):
    with pytest.raises(ValueError, match=sentence):
        conform(rows, 8)


def test_a_file_that_is_no_shard_is_named(tmp_path):
    path = tmp_path / "junk.parquet"
    path.write_bytes(b"PAR1junk")
    with pytest.raises(ValueError, match=r"junk\.parquet is not an embedding shard"):
        read_shard(path)
