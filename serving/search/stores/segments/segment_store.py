"""The store that is used where nothing else is asked for: FAISS in segments, one folder on a local disk.

Readers need no lock. A store that is open sees what other processes wrote by its next call. Files of segments that were
dropped are deleted by the compaction that dropped them: an open store has mapped them and reads on, and one that was
about to open them reads the newer manifest. That holds on local disks; over NFS a reader may lose its maps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from serving.search.filters import Filter
from serving.search.shards.schema import conform
from serving.search.stores.as_now import AsNow
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.manifest import (
    NAME,
    WRITING,
    DamagedSegment,
    Entry,
    Manifest,
    facts,
    locked,
    manifest_bytes,
    parse_manifest,
    write_manifest,
)
from serving.search.stores.segments.rows import ROWS_A_BATCH
from serving.search.stores.segments.segment import (
    Part,
    Segment,
    damaged,
    open_segment,
    read_live,
    write_segment,
    write_tombstones,
)
from serving.search.stores.segments.view import SegmentsSnapshot


def refuse(error: DamagedSegment) -> None:
    """Raise what was found damaged; the other way is to gather it, by a list's `append`."""
    raise error


def create_segment_store(folder: Path, *, fingerprint: str, dimension: int) -> None:
    """Begin an empty store in a folder.

    Raises:
      FileExistsError: when the folder holds a store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, WRITING):
        if (folder / NAME).exists():
            raise FileExistsError(f"{folder} holds an index already; add to it, or choose another folder")
        write_manifest(folder, Manifest(fingerprint, dimension))


class _Outdated(Exception):
    """The manifest that is being read is not the newest any more."""


class SegmentStore(AsNow):
    """A store of images in segments."""

    def __init__(
        self, folder: Path, *, sizes: Sizes | None = None, on_damage: Callable[[DamagedSegment], None] = refuse
    ) -> None:
        """Open a store that `create_segment_store` began.

        Args:
          folder: of the store.
          sizes: which segments get which codes, and how hard they are searched.
          on_damage: what is done of a damaged segment. If it returns, searches leave the segment out.

        Raises:
          FileNotFoundError: when the folder holds no store.
          ValueError: when its manifest is damaged.
          DamagedSegment: as `on_damage` raises it.
        """
        self.folder, self.sizes = folder, sizes or Sizes()
        self._on_damage = on_damage
        self._opening = threading.Lock()
        self._open: dict[str, Segment] = {}
        self._left_out: set[str] = set()
        self._said: bytes | None = None
        self._now: SegmentsSnapshot
        self._manifest: Manifest
        self.refresh()

    @property
    def fingerprint(self) -> str:
        """See `Store.fingerprint`."""
        return self._manifest.fingerprint

    @property
    def dimension(self) -> int:
        """See `Store.dimension`."""
        return self._manifest.dimension

    def add(self, rows: pa.Table) -> None:
        """See `Store.add`. Each call writes a segment, so add many images at once."""
        rows = conform(rows, self.dimension)
        if not len(rows):
            return
        with locked(self.folder, WRITING):
            before = self.whole()
            batches = (rows.slice(start, ROWS_A_BATCH) for start in range(0, len(rows), ROWS_A_BATCH))
            new = write_segment(self.folder, batches, self.dimension, self.sizes)
            entries, _ = self.without(before.parts, rows.column("id"))
            self.commit([*entries, new])

    def delete(self, ids: Sequence[str]) -> int:
        """See `Store.delete`."""
        with locked(self.folder, WRITING):
            entries, deleted = self.without(self.whole().parts, pa.array(ids, pa.string()))
            if deleted:
                self.commit(entries)
            return deleted

    def delete_where(self, where: Filter) -> int:
        """Delete the images that fulfil a filter, durably. Returns how many they were."""
        with locked(self.folder, WRITING):
            entries, deleted = [], 0
            for part in self.whole().parts:
                live = np.ones(part.entry.rows, bool) if part.live is None else part.live
                gone = live & part.segment.rows.fulfil(where)
                deleted += int(gone.sum())
                entries.append(self.buried(part.entry, live & ~gone) if gone.any() else part.entry)
            if deleted:
                self.commit([entry for entry in entries if entry.deleted < entry.rows])
            return deleted

    def _state(self) -> SegmentsSnapshot:
        return self.snapshot()

    def snapshot(self) -> SegmentsSnapshot:
        """See `Store.snapshot`."""
        return self.refresh()

    def check(self) -> None:
        """Read every byte of the store.

        Raises:
          DamagedSegment: for the first segment with a file that has another checksum than when it was written.
        """
        for part in self.refresh().parts:
            for file in part.entry.files:
                try:
                    whole = facts(self.folder, self.folder / file.name) == file
                except FileNotFoundError:
                    whole = part.entry not in self.entries()  # a compaction came between
                if not whole:
                    why = f"{file.name} is gone or has another checksum than when it was written"
                    raise damaged(self.folder, part.entry, why)

    def drop_damaged(self) -> list[str]:
        """Leave the damaged segments out of the store for good. Returns their names."""
        with locked(self.folder, WRITING):
            self.refresh()
            dropped = sorted(self._left_out)
            self.commit([entry for entry in self._manifest.segments if entry.name not in self._left_out])
            return dropped

    def refresh(self) -> SegmentsSnapshot:
        """Returns the store as its manifest says now."""
        with self._opening:
            while True:
                said = manifest_bytes(self.folder)
                if said == self._said:
                    return self._now
                manifest = parse_manifest(self.folder, said)
                try:
                    self._now = self._load(manifest, said)
                except _Outdated:
                    continue
                self._manifest, self._said = manifest, said
                return self._now

    def entries(self) -> tuple[Entry, ...]:
        """Returns what the manifest says now, also of segments that are left out."""
        self.refresh()
        return self._manifest.segments

    def whole(self) -> SegmentsSnapshot:
        """Returns the store as it is now, to be changed.

        Raises:
          DamagedSegment: when a segment is left out.
        """
        now = self.refresh()
        if self._left_out:
            raise DamagedSegment(
                f"{self.folder} cannot be changed while {', '.join(sorted(self._left_out))} is damaged; "
                "put its files back from a copy, or drop it"
            )
        return now

    def without(self, parts: Iterable[Part], ids: pa.Array | pa.ChunkedArray) -> tuple[list[Entry], int]:
        """Returns the entries of parts when the ids are deleted from them, and how many were there."""
        names = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
        entries, total = [], 0
        for part in parts:
            live = np.ones(part.entry.rows, bool) if part.live is None else part.live.copy()
            rows = part.segment.rows.among(names)
            dead = rows[live[rows]]
            live[dead] = False
            total += len(dead)
            entries.append(self.buried(part.entry, live) if len(dead) else part.entry)
        return [entry for entry in entries if entry.deleted < entry.rows], total

    def buried(self, entry: Entry, live: np.ndarray) -> Entry:
        """Returns an entry of which only the live rows [n] are left, with its tombstones written."""
        deleted = int(len(live) - live.sum())
        return replace(entry, deleted=deleted, tombstones=write_tombstones(self.folder, live) if deleted else None)

    def commit(self, entries: Sequence[Entry]) -> None:
        """Make entries what the store holds; for who holds the lock."""
        write_manifest(self.folder, replace(self._manifest, segments=tuple(entries)))
        self.refresh()

    def _load(self, manifest: Manifest, said: bytes) -> SegmentsSnapshot:
        held: dict[str, Segment] = {}
        left_out: set[str] = set()
        parts = []
        for entry in manifest.segments:
            try:
                live = read_live(self.folder, entry)
                held[entry.name] = self._open.get(entry.name) or open_segment(self.folder, entry, manifest.dimension)
                parts.append(Part(entry, held[entry.name], live))
            except FileNotFoundError as error:
                if manifest_bytes(self.folder) != said:
                    raise _Outdated from error
                self._leave_out(damaged(self.folder, entry, f"{Path(error.filename).name} is gone"), entry, left_out)
            except DamagedSegment as error:
                self._leave_out(error, entry, left_out)
        self._open, self._left_out = held, left_out
        return SegmentsSnapshot(tuple(parts), manifest.dimension, self.sizes)

    def _leave_out(self, error: DamagedSegment, entry: Entry, left_out: set[str]) -> None:
        if entry.name not in self._left_out:
            self._on_damage(error)
        left_out.add(entry.name)
