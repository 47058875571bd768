"""Groups of shards become segments whose codes one worker trained on a sample of all."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import faiss
import numpy as np
import pyarrow as pa
import pytest

from serving.search.shards.files import write_shard
from serving.search.shards.schema import vector_column
from serving.search.stores.segments.bulk import alike, put_in_place
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.manifest import Manifest
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store
from tfx_pipeline.indexing.passes.encode_job import run_encoding

DIMENSION = 20
SIZES = Sizes(exact_below=50, bytes_below=1000, few=0)
ROWS = (1500, 1200, 700, 2000, 200)  # of a shard, which is a group; 2,000 is the largest


@pytest.fixture
def groups(tmp_path) -> list[list[Path]]:
    generator = np.random.default_rng(0)
    made, first = [], 0
    for rows in ROWS:
        vectors = generator.normal(size=(rows, DIMENSION)) * np.arange(1, DIMENSION + 1) ** -0.5
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        ids = [f"{name:05}" for name in range(first, first + rows)]
        made.append([tmp_path / f"{first}.parquet"])
        table = pa.table({"id": ids, "vector": vector_column(vectors)})
        write_shard(made[-1][0], table, fingerprint="made", dimension=DIMENSION)
        first += rows
    return made


def encoded(folder, groups):
    create_segment_store(folder, fingerprint="made", dimension=DIMENSION)
    return run_encoding(beam.Pipeline, folder, groups, DIMENSION, SIZES)


def trained(folder, entry):
    """Returns the centroids of a segment's lists and what turns its vectors, if anything does."""
    index = faiss.read_index(str(folder / entry.name / "codes.faiss"))
    lists = faiss.extract_index_ivf(index)
    turn = index.chain.at(0) if isinstance(index, faiss.IndexPreTransform) else None
    turned = None if turn is None else faiss.vector_to_array(faiss.downcast_VectorTransform(turn).A).tolist()
    return faiss.downcast_index(lists.quantizer).reconstruct_n(0, lists.nlist).tolist(), turned


def test_groups_that_are_alike_share_one_training(tmp_path, groups):
    assert alike(groups, SIZES)[0] == [0, 1, 3]
    entries = encoded(tmp_path / "store", groups)
    assert [entry.rows for entry in entries] == list(ROWS)
    first, second, small, third, _ = (trained(tmp_path / "store", entry) for entry in entries)
    assert first == second == third
    assert first[1] is not None
    assert small[1] is None
    put_in_place(tmp_path / "store", Manifest("made", DIMENSION), [], entries)
    store = SegmentStore(tmp_path / "store", sizes=SIZES)
    store.check()
    ids = [f"{name:05}" for name in range(0, sum(ROWS), 40)]
    asked = store.vectors(ids).astype(np.float32)
    every = SegmentStore(tmp_path / "store", sizes=Sizes(fewest=10_000)).search(asked, 10).ids
    found = store.search(asked, 10).ids
    assert [line[0] for line in found] == ids
    assert np.mean([len(set(left) & set(right)) for left, right in zip(found, every, strict=True)]) > 9.7


def test_they_are_the_same_each_time(tmp_path, groups):
    held = [
        [(tmp_path / name / entry.name / "codes.faiss").read_bytes() for entry in encoded(tmp_path / name, groups)]
        for name in ("a", "b")
    ]
    assert held[0] == held[1]


def test_one_large_group_is_trained_by_itself(groups):
    assert alike(groups[2:], SIZES)[0] == []
    assert alike([], SIZES)[0] == []
