"""A store in segments at one moment: searches, metadata and vectors over all its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat

import numpy as np
import pyarrow as pa

from serving.search.filters import Filter
from serving.search.shards.schema import METADATA
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.segment import Part
from serving.search.stores.store import Found, unit_queries

_MOST_FOUND = 20_000  # images whose places are remembered
_NO_ROWS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class SegmentsSnapshot:
    """The segments of a store as one manifest named them; it stays readable whatever becomes of their files."""

    parts: tuple[Part, ...]
    dimension: int
    sizes: Sizes
    # Where images stand that were found lately: id -> (number of the part, row in it).
    _found: dict[str, tuple[int, int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def search(self, queries: np.ndarray, k: int, where: Filter | None = None) -> Found:
        """See `Snapshot.search`. Segments with codes may miss a neighbour; scores are exact all the same."""
        queries = unit_queries(queries, k, self.dimension)
        nearest = [part.segment.search(queries, k, part.allowed(where), self.sizes) for part in self.parts]
        lines = [_worth(found, k) for found in zip(*nearest, strict=True)]
        found: list[list[tuple[list[str], np.ndarray]]] = [[] for _ in queries]  # (ids, scores) of each part
        for number, part in enumerate(self.parts):
            rows = np.concatenate([_NO_ROWS, *(line[number][0] for line in lines)])
            ids = part.segment.rows.ids(rows)
            self._remember(number, ids, rows)
            names = iter(ids)
            for held, line in zip(found, lines, strict=True):
                held.append((list(islice(names, len(line[number][1]))), line[number][1]))
        best = [_merged(held, k) for held in found]
        return Found([names for names, _ in best], [scores for _, scores in best])

    def rows(self, ids: Sequence[str]) -> pa.Table:
        """See `Snapshot.rows`."""
        places = self._places(ids)
        if not places:
            return METADATA.empty_table()
        held = [self.parts[number].segment.rows.take(rows) for number, _, rows in places]
        order = np.argsort(np.concatenate([here for _, here, _ in places]))
        return pa.concat_tables(held).combine_chunks().take(pa.array(order))

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        """See `Snapshot.vectors`."""
        found = np.empty((len(ids), self.dimension), np.float16)
        for number, here, rows in self._places(ids):
            found[here] = self.parts[number].segment.vectors[rows]
        return found

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

    def _places(self, ids: Sequence[str]) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """Returns (number of the part, which of the ids it holds, their rows in it) of the parts that hold some."""
        found: dict[int, tuple[list[int], list[int]]] = {}
        for place, name in enumerate(ids):
            number, row = self._found.get(name) or self._find(name)
            here, held = found.setdefault(number, ([], []))
            here.append(place)
            held.append(row)
        return [(number, np.array(here), np.array(held)) for number, (here, held) in found.items()]

    def _find(self, name: str) -> tuple[int, int]:
        for number, part in enumerate(self.parts):
            if (row := part.find(name)) >= 0:
                return number, row
        raise KeyError(f"the index has no image {name!r}")

    def _remember(self, number: int, ids: Sequence[str], rows: np.ndarray) -> None:
        if len(self._found) > _MOST_FOUND:
            self._found.clear()
        self._found.update(zip(ids, zip(repeat(number), rows.tolist()), strict=True))


def _worth(lines: Sequence[tuple[np.ndarray, np.ndarray]], k: int) -> Sequence[tuple[np.ndarray, np.ndarray]]:
    """Returns of the rows and scores that each part found for a query those that may be among the k best of all."""
    if len(lines) == 1:
        return lines
    scores = np.concatenate([scores for _, scores in lines])
    if len(scores) <= k:
        return lines
    least = np.partition(scores, -k)[-k]
    return [(rows[scores >= least], scores[scores >= least]) for rows, scores in lines]


def _merged(held: Sequence[tuple[list[str], np.ndarray]], k: int) -> tuple[list[str], np.ndarray]:
    """Returns the ids and scores of the k best of all parts, each of which has its own in order."""
    if len(held) == 1:
        return held[0]
    hits = sorted((-score, name) for names, scores in held for score, name in zip(scores.tolist(), names, strict=True))
    return [name for _, name in hits[:k]], np.array([-negative for negative, _ in hits[:k]], np.float32)
