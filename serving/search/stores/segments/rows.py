"""The metadata of a segment: an Arrow file read by memory map, sorted by id, so that a page reads a page's rows."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from serving.search.filters import Filter, mask
from serving.search.shards.schema import METADATA

ROWS_A_BATCH = 65536
_FEW = 150  # ids, which are read one by one sooner than Arrow has begun; of 10,000 it reads each in a tenth of the time


class Rows:
    """n rows of METADATA, 1 or more, sorted by id, in batches of one size."""

    def __init__(self, path: Path) -> None:
        """Map the file. Raises pa.ArrowInvalid or OSError where it is none."""
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        if reader.schema != METADATA:
            raise pa.ArrowInvalid(f"{path.name} has other columns than an index keeps")
        self._batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        self._ids = [_Strings(batch.column(0)) for batch in self._batches]
        self._first = [ids[0] for ids in self._ids]
        counts = [batch.num_rows for batch in self._batches]
        self._a_batch = counts[0]
        if any(count != self._a_batch for count in counts[1:-1]) or counts[-1] > self._a_batch:
            raise pa.ArrowInvalid(f"{path.name} has batches of {sorted(set(counts))} rows, not of one size")
        self.count = sum(counts)

    def find(self, name: str) -> int:
        """Returns the row of an id, or -1."""
        wanted = name.encode()
        number = bisect.bisect_right(self._first, wanted) - 1
        if number < 0:
            return -1
        ids = self._ids[number]
        row = bisect.bisect_left(ids, wanted)
        there = row < len(ids) and ids[row] == wanted
        return number * self._a_batch + row if there else -1

    def among(self, ids: pa.Array) -> np.ndarray:
        """Returns the rows whose id is among the given ones, ascending, by one look at each."""
        held = [pc.is_in(batch.column(0), value_set=ids).to_numpy(zero_copy_only=False) for batch in self._batches]
        return np.flatnonzero(np.concatenate(held))

    def fulfil(self, where: Filter) -> np.ndarray:
        """Returns for which rows a filter holds, [n] bool."""
        return np.concatenate([mask(where, batch) for batch in self._batches])

    def values(self, field: str, live: np.ndarray | None) -> set[str]:
        """Returns the values of a column of text in the rows that are live, [n] bool; None is all."""
        found: set[str] = set()
        for number, batch in enumerate(self._batches):
            column, start = batch.column(field), number * self._a_batch
            if live is not None:
                column = column.filter(pa.array(live[start : start + len(column)]))
            found.update(column.unique().drop_null().to_pylist())
        return found

    def ids(self, rows: np.ndarray) -> list[str]:
        """Returns the ids of rows."""
        if len(rows) > _FEW:
            return self._many_ids(rows)
        numbers, places = (part.tolist() for part in np.divmod(rows, self._a_batch))
        return [self._ids[number][place].decode() for number, place in zip(numbers, places, strict=True)]

    def _many_ids(self, rows: np.ndarray) -> list[str]:
        order = np.argsort(rows, kind="stable")
        first = self._a_batch * np.arange(len(self._batches))
        of_each = np.split(rows[order], np.searchsorted(rows[order], first[1:]))
        places = [pa.array(some - start) for some, start in zip(of_each, first, strict=True)]
        held = [batch.column(0).take(some) for batch, some in zip(self._batches, places, strict=True)]
        names = np.empty(len(rows), object)
        names[order] = pa.chunked_array(held).to_numpy()
        return names.tolist()

    def every_id(self) -> pa.Array:
        """Returns the ids of all rows, ascending."""
        return pa.concat_arrays([batch.column(0) for batch in self._batches])

    def take(self, rows: np.ndarray) -> pa.Table:
        """Returns some rows, in the given order."""
        if not len(rows):
            return METADATA.empty_table()
        numbers, places = np.divmod(rows, self._a_batch)
        order = np.argsort(numbers, kind="stable")
        held = [self._batches[number].take(pa.array(places[numbers == number])) for number in np.unique(numbers)]
        return pa.Table.from_batches(held).combine_chunks().take(pa.array(np.argsort(order)))


class _Strings:
    """A column of strings as UTF-8, whose order is the strings'; each is read many times as fast as Arrow's scalars."""

    def __init__(self, column: pa.Array) -> None:
        _, starts, held = column.buffers()
        self._bytes = memoryview(held)
        self._starts = memoryview(starts).cast("i")[column.offset :]
        self._count = len(column)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> bytes:
        return bytes(self._bytes[self._starts[place] : self._starts[place + 1]])


def write_rows(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write the metadata of tables that are sorted by id and hold ROWS_A_BATCH rows each, but for the last."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, METADATA) as writer:
        for table in tables:
            for batch in table.combine_chunks().to_batches():
                writer.write_batch(batch)
