"""A segment: vectors and metadata of many images, written once and then only read, by memory map.

Legend: n rows of the segment, Q queries, K results of a query, D embedding dimension.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from serving.search.filters import Filter
from serving.search.shards.files import sync_folder
from serving.search.shards.schema import vectors_of
from serving.search.stores.ranking import best_of_candidates, scan
from serving.search.stores.segments.codes import Codes, Sizes, build_codes
from serving.search.stores.segments.manifest import DamagedSegment, Entry, FileFacts, facts, sync_file
from serving.search.stores.segments.product_codes import ProductCoder
from serving.search.stores.segments.rows import Rows, write_rows
from serving.search.stores.segments.threads import spread

_VECTORS, _ROWS, _CODES = "vectors.f16", "rows.arrow", "codes.faiss"


@dataclass(frozen=True)
class Segment:
    """The files of a segment, open: they can be read on when the files are deleted.

    Attributes:
      rows: the metadata, sorted by id.
      vectors: [n, D] float16.
      codes: None where the segment is small.
    """

    rows: Rows
    vectors: np.ndarray
    codes: Codes | None

    def search(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None, sizes: Sizes
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Find the k best rows of each query.

        Args:
          queries: [Q, D] unit.
          k: how many.
          allowed: [n] bool, the rows that count; None is all.
          sizes: how hard the codes are searched.

        Returns:
          for each query rows and cosines of the fp16 vectors, best first, ties by row, which is by id.
        """
        total = len(self.vectors)
        count = total if allowed is None else int(np.count_nonzero(allowed))
        wide = sizes.wide(k, self.vectors.shape[1])
        if self.codes is None or count <= max(2 * wide, sizes.few * total):
            return scan(queries, self.vectors, _rows(total, allowed), k)
        return spread(partial(self._search_codes, k=k, wide=wide, allowed=allowed, probes=sizes.probes), queries)

    def _search_codes(
        self, queries: np.ndarray, k: int, wide: int, allowed: np.ndarray | None, probes: int
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        assert self.codes
        rows, products = self.codes.search(queries, wide, allowed, probes)
        found = best_of_candidates(queries, self.vectors, rows, products, k)
        short = np.flatnonzero(
            rows[:, k - 1] < 0
        )  # the lists that were looked into hold too few of the rows that count
        if len(short):
            every = _rows(len(self.vectors), allowed)
            for number, line in zip(short.tolist(), scan(queries[short], self.vectors, every, k), strict=True):
                found[number] = line
        return found


def _rows(total: int, allowed: np.ndarray | None) -> np.ndarray:
    return np.arange(total) if allowed is None else np.flatnonzero(allowed)


@dataclass(frozen=True)
class Part:
    """A segment and which of its rows count.

    Attributes:
      entry: what the manifest says of it.
      segment: its files.
      live: [n] bool, the rows that are not deleted; None is all.
    """

    entry: Entry
    segment: Segment
    live: np.ndarray | None

    def allowed(self, where: Filter | None) -> np.ndarray | None:
        """Returns [n] bool, the rows that are not deleted and fulfil a filter; None is all."""
        if where is None:
            return self.live
        fulfil = self.segment.rows.fulfil(where)
        return fulfil if self.live is None else fulfil & self.live

    def live_rows(self) -> np.ndarray:
        """Returns the rows that are not deleted, ascending."""
        return np.arange(self.entry.rows) if self.live is None else np.flatnonzero(self.live)

    def find(self, name: str) -> int:
        """Returns the row of an id that is not deleted, or -1."""
        row = self.segment.rows.find(name)
        return row if row >= 0 and (self.live is None or self.live[row]) else -1


def write_segment(
    folder: Path, tables: Iterable[pa.Table], dimension: int, sizes: Sizes, coder: ProductCoder | None = None
) -> Entry:
    """Write a segment into a store's folder, durably, without more than one table in memory.

    Args:
      folder: of the store, whose manifest does not name the segment yet.
      tables: of `schema(dimension)`, sorted by id, of ROWS_A_BATCH rows each but for the last.
      dimension: D.
      sizes: which codes it gets.
      coder: of product codes; None trains them on the segment's own vectors.
    """
    name = f"segment-{uuid.uuid4().hex}"
    aside = folder / f".{name}"
    aside.mkdir()
    with open(aside / _VECTORS, "wb") as file:

        def metadata() -> Iterator[pa.Table]:
            for table in tables:
                file.write(vectors_of(table).tobytes())
                yield table.drop(["vector"])

        write_rows(aside / _ROWS, metadata())
    vectors = np.memmap(aside / _VECTORS, "<f2", "r").reshape(-1, dimension)
    if len(vectors) >= sizes.exact_below:
        build_codes(aside / _CODES, vectors, sizes, coder=coder)
    files = sorted(aside.iterdir())
    for path in files:
        sync_file(path)
    sync_folder(aside)
    held = tuple(facts(aside, path) for path in files)
    aside.rename(folder / name)
    sync_folder(folder)
    return Entry(name, len(vectors), tuple(FileFacts(f"{name}/{file.name}", file.size, file.crc32c) for file in held))


def open_segment(folder: Path, entry: Entry, dimension: int) -> Segment:
    """Open the files of a segment.

    Raises:
      FileNotFoundError: when one is not there.
      DamagedSegment: when one is not what the manifest says, as far as sizes, form and the checksum of the codes tell.
    """
    place = folder / entry.name
    for file in entry.files:
        size = (folder / file.name).stat().st_size
        if size != file.size:
            raise damaged(folder, entry, f"{file.name} has {size} bytes, not {file.size}")
        if file.name.endswith(_CODES) and facts(folder, folder / file.name) != file:  # they are read whole anyway
            raise damaged(folder, entry, f"{file.name} has another checksum than when it was written")
    try:
        rows = Rows(place / _ROWS)
        vectors = np.memmap(place / _VECTORS, "<f2", "r").reshape(-1, dimension)
        coded = any(file.name.endswith(_CODES) for file in entry.files)
        codes = Codes.read(place / _CODES, vectors) if coded else None
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, RuntimeError, ValueError) as error:
        raise damaged(folder, entry, str(error).strip().splitlines()[-1]) from error
    if rows.count != entry.rows or len(vectors) != entry.rows:
        raise damaged(folder, entry, f"it holds {rows.count} rows and {len(vectors)} vectors, not {entry.rows}")
    return Segment(rows, vectors, codes)


def damaged(folder: Path, entry: Entry, why: str) -> DamagedSegment:
    """Returns the error that names a damaged segment and the ways out."""
    return DamagedSegment(
        f"segment {folder / entry.name} of {entry.rows} rows is damaged: {why}; put its files back from a copy, "
        "or leave it out of searches, or drop it and add its images again"
    )


def write_tombstones(folder: Path, live: np.ndarray) -> FileFacts:
    """Write which rows [n] are left of a segment, durably, to a file of a new name."""
    path = folder / f"tombstones-{uuid.uuid4().hex}.bits"
    path.write_bytes(np.packbits(~live, bitorder="little").tobytes())
    sync_file(path)
    sync_folder(folder)
    return facts(folder, path)


def read_live(folder: Path, entry: Entry) -> np.ndarray | None:
    """Returns which rows [n] are left of a segment; None is all.

    Raises:
      DamagedSegment: when the file is not what the manifest says.
    """
    if entry.tombstones is None:
        return None
    path = folder / entry.tombstones.name
    if facts(folder, path) != entry.tombstones:
        raise damaged(folder, entry, f"{path.name} has another checksum than when it was written")
    bits = np.fromfile(path, np.uint8)
    return ~np.unpackbits(bits, count=entry.rows, bitorder="little").astype(bool)
