"""A store in segments at one moment: searches, metadata and vectors over all its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from serving.search.filters import Filter
from serving.search.shards.schema import METADATA
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.segment import Part
from serving.search.stores.store import Found, unit_queries


@dataclass(frozen=True)
class SegmentsSnapshot:
    """The segments of a store as one manifest named them; it stays readable whatever becomes of their files."""

    parts: tuple[Part, ...]
    dimension: int
    sizes: Sizes

    def search(self, queries: np.ndarray, k: int, where: Filter | None = None) -> Found:
        """See `Snapshot.search`. Segments with codes may miss a neighbour; scores are exact all the same."""
        queries = unit_queries(queries, k, self.dimension)
        nearest = [part.segment.search(queries, k, part.allowed(where), self.sizes) for part in self.parts]
        ids: list[list[str]] = []
        scores: list[np.ndarray] = []
        for number in range(len(queries)):
            merged = self._merge([found[number] for found in nearest], k)
            ids.append([name for _, name in merged])
            scores.append(np.array([-negative for negative, _ in merged], np.float32))
        return Found(ids, scores)

    def rows(self, ids: Sequence[str]) -> pa.Table:
        """See `Snapshot.rows`."""
        places = self._places(ids)
        tables = [self.parts[part].segment.rows.take(np.array([row])) for part, row in places]
        return pa.concat_tables(tables).combine_chunks() if tables else METADATA.empty_table()

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        """See `Snapshot.vectors`."""
        found = [self.parts[part].segment.vectors[row] for part, row in self._places(ids)]
        return np.array(found, np.float16).reshape(-1, self.dimension)

    def count(self, where: Filter | None = None) -> int:
        """See `Snapshot.count`."""
        if where is None:
            return sum(part.entry.rows - part.entry.deleted for part in self.parts)
        allowed = [part.allowed(where) for part in self.parts]
        return sum(int(here.sum()) for here in allowed if here is not None)

    def values(self, field: str, most: int) -> list[str]:
        """See `Snapshot.values`."""
        found = set().union(*(part.segment.rows.values(field, part.live) for part in self.parts))
        return sorted(found)[:most]

    def _merge(self, found: list[tuple[np.ndarray, np.ndarray]], k: int) -> list[tuple[float, str]]:
        """Returns (-score, id) of the k best rows of all segments, best first, ties by id."""
        scores = np.concatenate([np.zeros(0, np.float32), *[line for _, line in found]])
        least = np.partition(scores, -k)[-k] if k < len(scores) else -np.inf
        hits: list[tuple[float, str]] = []
        for part, (rows, line) in zip(self.parts, found, strict=True):
            keep = line >= least
            hits += zip((-line[keep]).tolist(), part.segment.rows.ids(rows[keep]), strict=True)
        return sorted(hits)[:k]

    def _places(self, ids: Sequence[str]) -> list[tuple[int, int]]:
        """Returns (number of the part, row in it) of each id."""
        places = []
        for name in ids:
            found = ((number, part.find(name)) for number, part in enumerate(self.parts))
            place = next(((number, row) for number, row in found if row >= 0), None)
            if place is None:
                raise KeyError(f"the index has no image {name!r}")
            places.append(place)
        return places
