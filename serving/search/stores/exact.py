"""The exact store: every vector is compared. One Parquet file holds it, for up to about 100 k images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from serving.search.filters import Filter, mask
from serving.search.shards.files import read_shard, shard_facts, write_shard
from serving.search.shards.schema import conform, schema, vectors_of
from serving.search.stores.as_now import AsNow
from serving.search.stores.ranking import scan
from serving.search.stores.store import Found, unit_queries


@dataclass(frozen=True)
class ExactSnapshot:
    """The rows of an exact store at one moment, sorted by id."""

    table: pa.Table

    def search(self, queries: np.ndarray, k: int, where: Filter | None = None) -> Found:
        """See `Snapshot.search`."""
        vectors = vectors_of(self.table)
        queries = unit_queries(queries, k, vectors.shape[1])
        rows = np.arange(len(vectors)) if where is None else np.flatnonzero(mask(where, self.table))
        found = scan(queries, vectors, rows, k)
        ids = [self.table.column("id").take(pa.array(some)).to_pylist() for some, _ in found]
        return Found(ids, [scores for _, scores in found])

    def rows(self, ids: Sequence[str]) -> pa.Table:
        """See `Snapshot.rows`."""
        return self._take(ids).drop(["vector"])

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        """See `Snapshot.vectors`."""
        return vectors_of(self._take(ids))

    def count(self, where: Filter | None = None) -> int:
        """See `Snapshot.count`."""
        return len(self.table) if where is None else int(mask(where, self.table).sum())

    def values(self, field: str, most: int) -> list[str]:
        """See `Snapshot.values`."""
        return sorted(self.table.column(field).unique().drop_null().to_pylist())[:most]

    def _take(self, ids: Sequence[str]) -> pa.Table:
        wanted = pa.array(ids, pa.string())
        places = pc.index_in(wanted, value_set=self.table.column("id").combine_chunks())
        if places.null_count:
            raise KeyError(f"the index has no image {ids[places.is_null().index(True).as_py()]!r}")
        return self.table.take(places)


class ExactStore(AsNow):
    """A store in one Parquet file, which every change writes anew: aside, then renamed. One process writes it."""

    def __init__(self, path: Path, *, fingerprint: str, dimension: int) -> None:
        """Open the file, or begin with none.

        Raises:
          ValueError: when the file is no shard, or holds vectors of another model or dimension.
        """
        self.path, self.fingerprint, self.dimension = path, fingerprint, dimension
        table = schema(dimension).empty_table()
        if path.exists():
            held = shard_facts(path)
            if (held.fingerprint, held.dimension) != (fingerprint, dimension):
                raise ValueError(
                    f"{path} was made by model {held.fingerprint} with D = {held.dimension}, "
                    f"this is {fingerprint} with D = {dimension}; build the index anew"
                )
            table = read_shard(path).cast(schema(dimension))
        self._now = ExactSnapshot(table)

    def add(self, rows: pa.Table) -> None:
        """See `Store.add`."""
        rows = conform(rows, self.dimension)
        self._write(conform(pa.concat_tables([self._now.table, rows]), self.dimension))

    def delete(self, ids: Sequence[str]) -> int:
        """See `Store.delete`."""
        held = self._now.table
        dropped = pc.is_in(held.column("id"), value_set=pa.array(ids, pa.string()))
        left = held.filter(pc.invert(dropped))
        if len(left) < len(held):
            self._write(left)
        return len(held) - len(left)

    def _state(self) -> ExactSnapshot:
        return self._now

    def snapshot(self) -> ExactSnapshot:
        """See `Store.snapshot`."""
        return self._now

    def _write(self, table: pa.Table) -> None:
        write_shard(self.path, table, fingerprint=self.fingerprint, dimension=self.dimension)
        self._now = ExactSnapshot(table.combine_chunks())
