"""The store in segments does what the exact store does, through any sequence of changes, openings and compactions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from index_rows import index_rows, queries
from serving.search.filters import And, Not, Where
from serving.search.stores.exact import ExactStore
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.compaction import compact
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store

IDS = [f"{number:03}" for number in range(300)]
WIDE = Sizes(exact_below=60, few=0, fewest=60, widened_below=8, probes=1000)  # codes that miss no neighbour


def created(folder, sizes=WIDE):
    create_segment_store(folder, fingerprint="f", dimension=8)
    return SegmentStore(folder, sizes=sizes)


def same(left, right, ids):
    """Holds two stores to each other."""
    assert left.count() == right.count()
    for where in (
        None,
        Where("language", "==", "en"),
        And((Not(Where("language", "==", "th")), Where("width", "<", 90))),
    ):
        for k in (1, 7, 400):
            found, exact = left.search(queries(3), k, where), right.search(queries(3), k, where)
            assert found.ids == exact.ids
            assert [line.tolist() for line in found.scores] == [line.tolist() for line in exact.scores]
    held = right.search(queries(1), 400).ids[0][:20]
    assert left.rows(held).equals(right.rows(held))
    assert (left.vectors(held) == right.vectors(held)).all()
    for name in set(ids) - set(right.search(queries(1), 400).ids[0]):
        with pytest.raises(KeyError, match=name):
            left.rows([name])


class Changes(RuleBasedStateMachine):
    """Adds, deletes and compactions, on both stores."""

    folders: Iterator[Path]

    @initialize()
    def begin(self):
        folder = next(self.folders)
        self.store = created(folder / "segments")
        self.exact = ExactStore(folder / "exact.parquet", fingerprint="f", dimension=8)
        self.snapshots = [(self.store.snapshot(), self.exact.snapshot())]

    @rule(start=st.integers(0, 250), count=st.integers(0, 200), seed=st.integers(0, 9))
    def add(self, start, count, seed):
        rows = index_rows(IDS[start : start + count], seed=seed)
        self.store.add(rows)
        self.exact.add(rows)

    @rule(start=st.integers(0, 300), count=st.integers(0, 200), step=st.integers(1, 3))
    def delete(self, start, count, step):
        ids = IDS[start : start + count : step]
        assert self.store.delete(ids) == self.exact.delete(ids)

    @rule(largest=st.sampled_from([100, 1000]))
    def compact(self, largest):
        compact(self.store, largest=largest)
        named = {entry.name for entry in self.store.entries()}
        assert {path.name for path in self.store.folder.glob("*segment-*")} == named

    @rule()
    def open_again(self):
        self.store = SegmentStore(self.store.folder, sizes=WIDE)
        self.store.check()

    @rule()
    def keep_a_snapshot(self):
        self.snapshots = [*self.snapshots[-1:], (self.store.snapshot(), self.exact.snapshot())]

    @invariant()
    def the_stores_are_the_same(self):
        if hasattr(self, "store"):
            same(self.store, self.exact, IDS)
            same(*self.snapshots[0], IDS)


@pytest.fixture(autouse=True)
def folders(tmp_path_factory, monkeypatch):
    for place in ("segment_store", "compaction"):
        monkeypatch.setattr(f"serving.search.stores.segments.{place}.ROWS_A_BATCH", 64)
    monkeypatch.setattr(
        Changes, "folders", (tmp_path_factory.mktemp("store") for _ in itertools.count()), raising=False
    )


def test_any_changes_leave_what_the_exact_store_holds():
    run = settings(max_examples=12, stateful_step_count=8, deadline=None)
    run_state_machine_as_test(Changes, settings=run)


def recall(found, exact):
    """Returns the share of the exact neighbours that were found."""
    shared = [len(set(left) & set(right)) / len(right) for left, right in zip(found.ids, exact.ids, strict=True)]
    return sum(shared) / len(shared)


@pytest.fixture(scope="module")
def coded(tmp_path_factory):
    """A store of two segments with SQ8 and product codes, and its exact oracle."""
    folder = tmp_path_factory.mktemp("coded")
    create_segment_store(folder / "segments", fingerprint="f", dimension=64)
    store = SegmentStore(folder / "segments", sizes=Sizes(exact_below=1000, bytes_below=2000, fewest=20))
    exact = ExactStore(folder / "exact.parquet", fingerprint="f", dimension=64)
    for start, count in ((0, 1500), (1000, 2500)):
        rows = index_rows([f"{number:05}" for number in range(start, start + count)], dimension=64, seed=start)
        store.add(rows)
        exact.add(rows)
    return store, exact


def test_codes_are_chosen_by_size(coded):
    kinds = [type(part.segment.codes._held[0]).__name__ for part in coded[0].snapshot().parts]
    assert kinds == ["IndexIVFScalarQuantizer", "IndexPreTransform"]


@pytest.mark.parametrize("where", [None, Where("language", "==", "en"), Where("width", "<", 300)])
def test_codes_find_nearly_all_neighbours_with_exact_scores(coded, where):
    store, exact = coded
    asked = exact.vectors([f"{number:05}" for number in range(0, 3500, 70)]).astype(np.float32)
    found, right = store.search(asked, 10, where), exact.search(asked, 10, where)
    assert recall(found, right) > 0.95
    scores = exact.search(asked, 4000, where)
    for ids, line, all_ids, all_scores in zip(found.ids, found.scores, scores.ids, scores.scores, strict=True):
        known = dict(zip(all_ids, all_scores.tolist(), strict=True))
        assert [known[name] for name in ids] == line.tolist()


def test_few_matches_are_all_compared(coded):
    store, exact = coded
    where = And((Where("language", "==", "en"), Where("width", "<", 60)))
    asked = queries(5, 64)
    assert 20 < len(exact.search(asked, 4000, where).ids[0]) < 200
    assert store.search(asked, 50, where).ids == exact.search(asked, 50, where).ids


def test_deleting_all_near_ones_leaves_k_hits(tmp_path):
    sizes = Sizes(exact_below=100, few=0, fewest=20, candidates=1, widened_below=8, probes=1)
    create_segment_store(tmp_path, fingerprint="f", dimension=8)
    store = SegmentStore(tmp_path, sizes=sizes)
    store.add(index_rows([f"{number:05}" for number in range(1000)]))
    asked = queries(1)
    near = store.search(asked, 900).ids[0]
    assert len(near) == 900
    store.delete(near[:500])
    assert not set(store.search(asked, 50).ids[0]) & set(near[:500])
    assert len(store.search(asked, 50).ids[0]) == 50
    assert len(store.search(asked, 1000).ids[0]) == 500
