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


class Rows:
    """n rows of METADATA, 1 or more, sorted by id, in batches of one size."""

    def __init__(self, path: Path) -> None:
        """Map the file. Raises pa.ArrowInvalid or OSError where it is none."""
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        if reader.schema != METADATA:
            raise pa.ArrowInvalid(f"{path.name} has other columns than an index keeps")
        self._batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
        self._first = [batch.column(0)[0].as_py() for batch in self._batches]
        counts = [batch.num_rows for batch in self._batches]
        self._a_batch = counts[0]
        if any(count != self._a_batch for count in counts[1:-1]) or counts[-1] > self._a_batch:
            raise pa.ArrowInvalid(f"{path.name} has batches of {sorted(set(counts))} rows, not of one size")
        self.count = sum(counts)

    def find(self, name: str) -> int:
        """Returns the row of an id, or -1."""
        number = bisect.bisect_right(self._first, name) - 1
        if number < 0:
            return -1
        ids = self._batches[number].column(0)
        row = bisect.bisect_left(range(len(ids)), name, key=lambda place: ids[place].as_py())
        there = row < len(ids) and ids[row].as_py() == name
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
        return [self._batches[row // self._a_batch].column(0)[row % self._a_batch].as_py() for row in rows.tolist()]

    def every_id(self) -> pa.Array:
        """Returns the ids of all rows, ascending."""
        return pa.concat_arrays([batch.column(0) for batch in self._batches])

    def take(self, rows: np.ndarray) -> pa.Table:
        """Returns some rows, in the given order."""
        numbers = rows // self._a_batch
        parts, places = [], [np.zeros(0, np.int64)]
        for number in np.unique(numbers).tolist():
            here = np.flatnonzero(numbers == number)
            batch = pa.Table.from_batches([self._batches[number]])
            parts.append(batch.take(pa.array(rows[here] % self._a_batch)))
            places.append(here)
        table = pa.concat_tables(parts) if parts else METADATA.empty_table()
        return table.take(pa.array(np.argsort(np.concatenate(places))))


def write_rows(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write the metadata of tables that are sorted by id and hold ROWS_A_BATCH rows each, but for the last."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, METADATA) as writer:
        for table in tables:
            for batch in table.combine_chunks().to_batches():
                writer.write_batch(batch)
