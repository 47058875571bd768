"""Brings many rows into a store in segments at once: embedding shards in groups, a segment each, then one new manifest.

The groups need nothing of one another, so that workers write them side by side. What they wrote counts only once
`put_in_place` has named it.
"""

from __future__ import annotations

import math
import shutil
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from serving.search.shards.files import read_shard, shard_facts
from serving.search.shards.schema import conform, vectors_of
from serving.search.stores.segments.codes import Sizes, lists_of
from serving.search.stores.segments.compaction import write_merged
from serving.search.stores.segments.manifest import Entry, Manifest, write_manifest
from serving.search.stores.segments.product_codes import ProductCoder
from serving.search.stores.segments.rows import ROWS_A_BATCH
from serving.search.stores.segments.segment import Part, open_segment, write_segment, write_tombstones
from serving.search.unit import unit

LARGEST = 4_000_000  # rows of a group
AT_ONCE = 4 * ROWS_A_BATCH  # rows whose vectors are held in memory: of 640 numbers 335 MB
_NO_CODES = Sizes(exact_below=sys.maxsize)


def grouped(shards: Sequence[Path], largest: int = LARGEST) -> list[list[Path]]:
    """Returns shards in groups of so many rows at most, or of one shard; empty shards are in none."""
    groups: list[list[Path]] = []
    room = 0
    for shard in shards:
        rows = shard_facts(shard).rows
        if not rows:
            continue
        if rows > room:
            groups.append([])
            room = largest
        groups[-1].append(shard)
        room -= rows
    return groups


def alike(groups: Sequence[Sequence[Path]], sizes: Sizes | None = None) -> tuple[list[int], int]:
    """Returns the numbers of the groups that product codes of one training fit, and how many lists those have.

    A group is left out that is too small for such codes, or under half the largest one: its lists would be too short.
    None shares its training where but one group is left.
    """
    sizes = sizes or Sizes()
    rows = [sum(shard_facts(shard).rows for shard in group) for group in groups]
    largest = max(rows, default=0)
    least = max(sizes.bytes_below, largest / 2)
    large = [number for number, count in enumerate(rows) if count >= least]
    return (large if len(large) > 1 else []), lists_of(largest, product=True)


def sampled(shard: Path, share: float, dimension: int) -> np.ndarray:
    """Returns the vectors of a share of a shard's rows, evenly spread, [n, D] float16."""
    vectors = vectors_of(conform(read_shard(shard), dimension))
    return vectors[np.linspace(0, len(vectors) - 1, min(len(vectors), math.ceil(share * len(vectors)))).astype(int)]


def trained_on(samples: Sequence[np.ndarray], lists: int) -> ProductCoder:
    """Returns product codes of so many lists, trained on samples [n, D] float16."""
    return ProductCoder.train(unit(np.concatenate(samples)), lists)


def encode_group(
    folder: Path,
    shards: Sequence[Path],
    dimension: int,
    sizes: Sizes | None = None,
    at_once: int = AT_ONCE,
    coder: ProductCoder | None = None,
) -> Entry:
    """Write the segment of some shards, of which one holds a row at least; of rows with one id the last stays.

    Args:
      folder: of the store, whose manifest does not name the segment yet.
      shards: embedding shards of dimension D.
      dimension: D.
      sizes: which codes it gets.
      at_once: rows whose vectors are held in memory. More are sorted in pieces on the disk, then merged.
      coder: of product codes; None trains them on the group's own vectors.
    """
    sizes = sizes or Sizes()
    pieces = grouped(shards, at_once)
    if len(pieces) == 1:
        return write_segment(folder, _sorted_rows(pieces[0], dimension), dimension, sizes, coder)
    aside = folder / f".segment-pieces-{uuid.uuid4().hex}"  # so called that a compaction sweeps it away
    aside.mkdir()
    try:
        entries = [write_segment(aside, _sorted_rows(piece, dimension), dimension, _NO_CODES) for piece in pieces]
        parts = last_of_each([Part(entry, open_segment(aside, entry, dimension), None) for entry in entries], 0)
        rows = sum(entry.rows for entry in entries)
        (merged,) = write_merged(folder, parts, dimension, sizes, largest=rows, coder=coder)
        return merged
    finally:
        shutil.rmtree(aside)


def last_of_each(parts: Sequence[Part], first: int) -> list[Part]:
    """Returns parts in which an id lives once, in the last of them that has it.

    Args:
      parts: oldest first.
      first: number of the first part whose ids may be in parts before it.
    """
    live = [np.ones(part.entry.rows, bool) if part.live is None else part.live.copy() for part in parts]
    for number in range(max(first, 1), len(parts)):
        ids = parts[number].segment.rows.every_id()
        for older in range(number):
            live[older][parts[older].segment.rows.among(ids)] = False
    return [replace(part, live=rows) for part, rows in zip(parts, live, strict=True)]


def put_in_place(folder: Path, manifest: Manifest, old: Sequence[Part], new: Sequence[Entry]) -> None:
    """Make new segments, and old ones without their ids, what a store holds; for who holds the lock.

    Args:
      folder: of the store.
      manifest: its fingerprint and dimension.
      old: what stays of what it holds; none where the new segments replace all of it.
      new: segments that were written into the folder.
    """
    parts = [*old, *(Part(entry, open_segment(folder, entry, manifest.dimension), None) for entry in new)]
    entries = []
    for part, before in zip(last_of_each(parts, len(old)), parts, strict=True):
        rows = np.ones(part.entry.rows, bool) if part.live is None else part.live
        deleted = int(len(rows) - rows.sum())
        entry = before.entry
        if deleted > entry.deleted:
            entry = replace(entry, deleted=deleted, tombstones=write_tombstones(folder, rows))
        if deleted < entry.rows:
            entries.append(entry)
    write_manifest(folder, replace(manifest, segments=tuple(entries)))


def _sorted_rows(shards: Sequence[Path], dimension: int) -> Iterator[pa.Table]:
    table = conform(pa.concat_tables([read_shard(shard) for shard in shards]), dimension)
    for start in range(0, len(table), ROWS_A_BATCH):
        yield table.slice(start, ROWS_A_BATCH)
