"""A store in segments under kills, damage, other writers and readers that stay behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.search.kills import kill
from index_rows import index_rows, queries
from serving.search.shards.schema import vector_column
from serving.search.stores.segments import compaction, segment_store
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.compaction import compact
from serving.search.stores.segments.manifest import DamagedSegment
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store
from serving.search.stores.store import check_model

SIZES = Sizes(exact_below=80)


@pytest.fixture
def store(tmp_path):
    """Two segments: a, of 100 rows with codes, and b, of 10."""
    create_segment_store(tmp_path / "store", fingerprint="f", dimension=8)
    made = SegmentStore(tmp_path / "store", sizes=SIZES)
    made.add(index_rows([f"a{number:02}" for number in range(100)]))
    made.add(index_rows([f"b{number}" for number in range(10)]))
    return made


def all_of(store):
    return sorted(store.search(queries(1), 500).ids[0])


def test_kills_lose_nothing_that_was_acknowledged(tmp_path):
    changes = kill(tmp_path / "store", kills=3, seed=1)
    assert changes[-1] > 3, "the children were killed before they did anything"


def files_of(store):
    return sorted(file.name.split("/")[1] for file in store.entries()[0].files)


def test_a_segment_has_the_files_that_the_faults_are_tried_on(store):
    assert files_of(store) == ["codes.faiss", "rows.arrow", "vectors.f16"]


@pytest.mark.parametrize("name", ["codes.faiss", "rows.arrow", "vectors.f16"])
@pytest.mark.parametrize("fault", ["cut", "gone", "overwritten"])
def test_a_damaged_segment_is_named_and_refused_or_left_out_as_asked(store, name, fault):
    entry = store.entries()[0]
    path = store.folder / entry.name / name
    content = path.read_bytes()
    if fault == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-1] if fault == "cut" else bytes(len(content)))
    if (name, fault) == ("codes.faiss", "overwritten"):
        path.write_bytes(content[:2000] + bytes(100) + content[2100:])
    if (name, fault) == ("vectors.f16", "overwritten"):  # which only a look at each byte tells
        with pytest.raises(
            DamagedSegment, match=f"{entry.name} of 100 rows is damaged: .*vectors.f16 is gone or has another"
        ):
            SegmentStore(store.folder).check()
        return
    with pytest.raises(DamagedSegment, match=entry.name):
        SegmentStore(store.folder)
    gathered = []
    rest = SegmentStore(store.folder, on_damage=gathered.append)
    assert [entry.name in str(error) for error in gathered] == [True]
    assert all_of(rest) == [f"b{number}" for number in range(10)]
    for change in (lambda: rest.add(index_rows(["c"])), lambda: rest.delete(["b0"]), lambda: compact(rest)):
        with pytest.raises(DamagedSegment, match=f"cannot be changed while {entry.name} is damaged"):
            change()
    path.write_bytes(content)
    assert len(all_of(SegmentStore(store.folder))) == 110
    path.write_bytes(b"")
    dropping = SegmentStore(store.folder, on_damage=gathered.append)
    assert dropping.drop_damaged() == [entry.name]
    assert SegmentStore(store.folder).count() == 10


def test_a_check_of_an_open_store_names_a_file_that_is_gone(store):
    (store.folder / store.entries()[1].name / "rows.arrow").unlink()
    with pytest.raises(DamagedSegment, match=f"{store.entries()[1].name} of 10 rows is damaged: .*rows.arrow is gone"):
        store.check()


def test_damaged_tombstones_bring_nothing_back(store):
    store.delete(["a00"])
    path = store.folder / store.entries()[0].tombstones.name
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(DamagedSegment, match=r"tombstones-.* has another checksum"):
        SegmentStore(store.folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format": 2}', b'{"format": 1}', b"\xff"])
def test_a_damaged_manifest_is_named(store, content):
    (store.folder / "manifest.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"manifest\.json is not the manifest of an index"):
        SegmentStore(store.folder)


def test_no_store_and_a_second_one_are_said(store, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no index; build one there first"):
        SegmentStore(tmp_path / "none")
    with pytest.raises(FileExistsError, match="holds an index already"):
        create_segment_store(store.folder, fingerprint="g", dimension=8)
    with pytest.raises(ValueError, match="made by model f, this is model g"):
        check_model(store, "g", 8)


def test_a_reader_that_stays_behind_reads_on_and_an_open_store_sees_what_another_wrote(store):
    behind = store.snapshot()
    before = behind.search(queries(2), 500).ids
    other = SegmentStore(store.folder, sizes=SIZES)
    other.delete([f"a{number:02}" for number in range(50)])
    compact(other)
    assert store.count() == 60
    assert all_of(store) == all_of(other)
    assert behind.search(queries(2), 500).ids == before
    assert behind.rows(["a00"]).column("id").to_pylist() == ["a00"]


def test_a_reader_that_a_compaction_overtakes_reads_the_newer_manifest(store, monkeypatch):
    overtaking = iter([lambda: compact(SegmentStore(store.folder, sizes=SIZES))])
    parse = segment_store.parse_manifest

    def parse_late(folder, text):
        manifest = parse(folder, text)
        for overtake in overtaking:
            overtake()
        return manifest

    monkeypatch.setattr(segment_store, "parse_manifest", parse_late)
    assert SegmentStore(store.folder).count() == 110
    assert len(store.entries()) == 1


def test_equal_scores_of_several_segments_come_by_id(tmp_path):
    create_segment_store(tmp_path, fingerprint="f", dimension=8)
    store = SegmentStore(tmp_path)
    for ids in (["b", "d"], ["a", "c"]):
        store.add(pa.table({"id": ids, "vector": vector_column(np.eye(1, 8).repeat(2, axis=0))}))
    assert store.search(np.eye(1, 8), 4).ids == [["a", "b", "c", "d"]]
    assert store.search(np.eye(1, 8), 3).ids == [["a", "b", "c"]]


def test_what_is_deleted_and_replaced_during_a_compaction_stays_so(store, monkeypatch):
    merge = compaction.write_merged

    def merge_while_others_write(*arguments):
        merged = list(merge(*arguments))
        other = SegmentStore(store.folder, sizes=SIZES)
        other.delete(["a00", "b0"])
        other.add(index_rows(["a01", "c"], seed=5))
        return merged

    monkeypatch.setattr(compaction, "write_merged", merge_while_others_write)
    compact(store)
    assert store.count() == 109
    assert set(all_of(store)) & {"a00", "b0", "c"} == {"c"}
    assert store.rows(["a01", "a02"]).column("caption").to_pylist() == ["a01 of 5", "a02 of 0"]


WRITER = """
import sys
from pathlib import Path
from index_rows import index_rows
from serving.search.stores.segments.compaction import compact
from serving.search.stores.segments.segment_store import SegmentStore

store = SegmentStore(Path(sys.argv[1]))
for number in range(8):
    store.add(index_rows([f"{sys.argv[2]}{number}{place}" for place in range(9)]))
    if number in (3, 6):
        compact(store)
"""


def test_processes_that_write_take_turns_and_threads_search_meanwhile(store):
    errors, stop = [], threading.Event()

    def search():
        while not stop.is_set():
            try:
                held = store.snapshot()
                ids = held.search(queries(1), 500).ids[0]
                assert len(set(ids)) == len(ids) == held.count() >= 110
                assert held.rows(ids[:9]).column("id").to_pylist() == ids[:9]
            except Exception as error:
                errors.append(error)

    root = Path(__file__).parents[4]
    paths = os.pathsep.join([str(root), str(root / "tests" / "support")])
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, store.folder, letter], env=os.environ | {"PYTHONPATH": paths})
        for letter in "xy"
    ]
    readers = [threading.Thread(target=search) for _ in range(2)]
    for thread in readers:
        thread.start()
    ended = [writer.wait() for writer in writers]
    stop.set()
    for thread in readers:
        thread.join()
    assert ended == [0, 0]
    assert errors == []
    assert store.count() == len(all_of(store)) == 110 + 2 * 8 * 9
