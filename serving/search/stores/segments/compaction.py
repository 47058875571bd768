"""Merges the segments of a store into few large ones without the deleted rows, a batch in memory at a time."""

from __future__ import annotations

import heapq
import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from serving.search.shards.schema import vector_column
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.manifest import COMPACTING, NAME, WRITING, Entry, locked
from serving.search.stores.segments.product_codes import ProductCoder
from serving.search.stores.segments.rows import ROWS_A_BATCH
from serving.search.stores.segments.segment import Part, open_segment, write_segment
from serving.search.stores.segments.segment_store import SegmentStore

LARGEST = 4_000_000  # rows of a segment, whose codes are trained and searched as one


def compact(store: SegmentStore, *, largest: int = LARGEST) -> int:
    """Merge segments that have deleted rows or are under half the largest size, and delete what is not needed.

    Adds and deletes go on meanwhile, and searches too; what they delete is deleted from the merged segments as well.

    Args:
      store: the store.
      largest: rows of a segment at most, rounded up to a batch.

    Returns:
      how many segments the store has then.

    Raises:
      DamagedSegment: when a segment is damaged.
    """
    with locked(store.folder, COMPACTING):
        sweep(store)
        with locked(store.folder, WRITING):
            parts = store.whole().parts
        chosen = [part for part in parts if part.entry.deleted or 2 * part.entry.rows < largest]
        if len(chosen) > 1 or any(part.entry.deleted for part in chosen):
            merged = list(write_merged(store.folder, chosen, store.dimension, store.sizes, largest))
            with locked(store.folder, WRITING):
                _put_in_place(store, chosen, merged)
        sweep(store)
        return len(store.refresh().parts)


def sweep(store: SegmentStore) -> None:
    """Delete what the manifest does not name: dropped segments, and what killed processes left; for who compacts."""
    with locked(store.folder, WRITING):
        sweep_all_but(store.folder, store.entries())


def sweep_all_but(folder: Path, entries: Sequence[Entry]) -> None:
    """Delete all segments and tombstones of a folder but some; for who holds both locks."""
    kept = {NAME, WRITING, COMPACTING, *(entry.name for entry in entries)}
    kept |= {entry.tombstones.name for entry in entries if entry.tombstones}
    for path in folder.iterdir():
        if path.name not in kept and path.name.lstrip(".").startswith(("segment-", "tombstones-", NAME)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_merged(
    folder: Path,
    parts: Sequence[Part],
    dimension: int,
    sizes: Sizes,
    largest: int,
    coder: ProductCoder | None = None,
) -> Iterator[Entry]:
    """Write the live rows of parts to new segments of a folder, by id; no id may be live in two parts."""
    places = heapq.merge(*(_live_ids(number, part) for number, part in enumerate(parts)))
    while True:
        batches = list(range(0, largest, ROWS_A_BATCH))
        tables = (_gather(parts, some) for _ in batches if (some := list(islice(places, ROWS_A_BATCH))))
        first = next(tables, None)
        if first is None:
            return
        yield write_segment(folder, _chain(first, tables), dimension, sizes, coder)


def _chain(first: pa.Table, others: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from others


def _live_ids(number: int, part: Part) -> Iterator[tuple[str, int, int]]:
    rows = part.live_rows()
    for start in range(0, len(rows), ROWS_A_BATCH):
        some = rows[start : start + ROWS_A_BATCH]
        for name, row in zip(part.segment.rows.ids(some), some.tolist(), strict=True):
            yield name, number, row


def _gather(parts: Sequence[Part], places: Sequence[tuple[str, int, int]]) -> pa.Table:
    """Returns the rows at (id, number of the part, row), with their vectors, in that order."""
    numbers = np.array([number for _, number, _ in places])
    rows = np.array([row for _, _, row in places])
    here = [np.flatnonzero(numbers == number) for number in range(len(parts))]
    found = [(part.segment, rows[some]) for part, some in zip(parts, here, strict=True)]
    order = pa.array(np.argsort(np.concatenate(here)))
    table = pa.concat_tables([segment.rows.take(some) for segment, some in found]).take(order)
    vectors = np.concatenate([segment.vectors[some] for segment, some in found])
    return table.append_column(
        pa.field("vector", pa.binary(2 * vectors.shape[1]), nullable=False), vector_column(vectors).take(order)
    )


def _put_in_place(store: SegmentStore, old: Sequence[Part], merged: Sequence[Entry]) -> None:
    """Make merged segments stand for old ones, without what was deleted since; for who holds the lock."""
    now = {part.entry.name: part for part in store.whole().parts}
    gone: list[str] = []
    for part in old:
        before = part.live_rows()
        later = now.get(part.entry.name)
        left = np.zeros(0, np.int64) if later is None else later.live_rows()
        gone += part.segment.rows.ids(np.setdiff1d(before, left))
    new = [Part(entry, open_segment(store.folder, entry, store.dimension), None) for entry in merged]
    entries, _ = store.without(new, pa.array(gone, pa.string()))
    names = {part.entry.name for part in old}
    store.commit([*(part.entry for name, part in now.items() if name not in names), *entries])
