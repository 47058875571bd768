"""A folder is opened as what stands in it, and one sentence says why it cannot be."""

from __future__ import annotations

import json

import pytest

from index_rows import index_rows, queries
from serving.search.stores.exact import ExactStore
from serving.search.stores.opening import EXACT, open_store
from serving.search.stores.segments.manifest import DamagedSegment
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store


@pytest.fixture
def segments(tmp_path):
    create_segment_store(tmp_path, fingerprint="f", dimension=8)
    SegmentStore(tmp_path).add(index_rows(["a", "b"]))
    return tmp_path


def test_what_stands_in_a_folder_is_opened(segments, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exact")
    ExactStore(folder / EXACT, fingerprint="g", dimension=8).add(index_rows(["a", "b"]))
    found = [(type(store).__name__, store.fingerprint, store.count()) for store in map(open_store, (segments, folder))]
    assert found == [("SegmentStore", "f", 2), ("ExactStore", "g", 2)]
    assert open_store(segments).search(queries(2), 2).ids == open_store(folder).search(queries(2), 2).ids


def test_no_index_is_said(tmp_path):
    (tmp_path / "file").touch()
    for place, words in (
        (tmp_path, "holds no index"),
        (tmp_path / "none", "holds no index"),
        (tmp_path / "file", "a file"),
    ):
        with pytest.raises(FileNotFoundError, match=rf"{place.name} .*{words}.*; make one with `align index build`"):
            open_store(place)


def test_two_indexes_in_one_folder_are_refused(segments):
    ExactStore(segments / EXACT, fingerprint="f", dimension=8).add(index_rows(["a"]))
    with pytest.raises(ValueError, match=r"manifest\.json and exact\.parquet, which are two indexes"):
        open_store(segments)


def test_another_format_and_damage_are_named(segments, tmp_path_factory):
    said = json.loads((segments / "manifest.json").read_text())
    (segments / "manifest.json").write_text(json.dumps(said | {"format": 2}))
    with pytest.raises(ValueError, match=r"manifest\.json .*format 2, this version reads format 1"):
        open_store(segments)
    folder = tmp_path_factory.mktemp("damaged")
    (folder / EXACT).write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"exact\.parquet is not an embedding shard"):
        open_store(folder)


def test_a_damaged_segment_is_refused_or_left_out_as_asked(segments):
    next(segments.glob("segment-*/vectors.f16")).write_bytes(b"")
    with pytest.raises(DamagedSegment, match=r"segment-.* of 2 rows is damaged"):
        open_store(segments)
    gathered = []
    assert open_store(segments, on_damage=gathered.append).count() == 0
    assert len(gathered) == 1
