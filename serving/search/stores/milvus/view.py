"""A collection of Milvus as it is searched.

Legend: Q queries, K results of a query, D embedding dimension.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from serving.search.filters import And, Filter, Not, Where
from serving.search.shards.schema import METADATA
from serving.search.stores.milvus.columns import VECTOR, to_rows
from serving.search.stores.milvus.connection import Connection, MilvusUnavailable
from serving.search.stores.milvus.expressions import expression
from serving.search.stores.ranking import cosines
from serving.search.stores.store import Found, unit_queries

SEARCHED: Mapping[str, Callable[[int], dict[str, int]]] = {  # how hard each kind of index is, for so many rows
    "FLAT": lambda wanted: {},
    "IVF_SQ8": lambda wanted: {"nprobe": 64},
    "HNSW": lambda wanted: {"ef": max(128, wanted)},
    "DISKANN": lambda wanted: {"search_list": max(100, wanted)},
}
LISTS = 4096  # of IVF_SQ8, in each of Milvus's segments
_EVERY_LIST = {"nprobe": LISTS}
MOST = 16384  # rows that Milvus gives for a query
_MORE = 16  # rows that are asked for beyond K, and ranked by exact cosines
_ROUNDING = 1e-5  # more than Milvus's cosines differ from exact ones
_BYTES_AT_ONCE = 1 << 25  # of vectors in a message
_IDS_AT_ONCE = 1000


@dataclass(frozen=True)
class MilvusSnapshot:
    """The rows of a collection at a moment.

    Attributes:
      connection: to the collection.
      dimension: D.
      index: its kind.
      moment: a time of Milvus; what was done before it is seen.
      until: when rows were added that count, in nanoseconds since 1970 as Milvus has it; None is all.
    """

    connection: Connection
    dimension: int
    index: str
    moment: int
    until: int | None = None

    def search(self, queries: np.ndarray, k: int, where: Filter | None = None) -> Found:
        """See `Snapshot.search`. An index other than FLAT may miss a neighbour, but never gives fewer than there are.

        A graph leaves rows out that only deleted ones lead to, and lists those in the lists that are not looked at.
        Where Milvus gives fewer than K and more fulfil the filter, all of them are compared.
        """
        queries = unit_queries(queries, k, self.dimension)
        if k > MOST - _MORE:
            raise ValueError(f"k is {k}; Milvus gives {MOST - _MORE} images at most")
        text = expression(where, self.until)
        found = Found([], [])
        step = max(1, _BYTES_AT_ONCE // (4 * self.dimension * (k + _MORE)))
        fulfilling = functools.cache(lambda: self._count(text))
        for start in range(0, len(queries), step):
            some = queries[start : start + step]
            for query, hits in zip(some, self._near(some, k + _MORE, text), strict=True):
                if len(hits) < k and len(hits) < fulfilling():
                    ids, scores = self._best_of_all(query, k, text, fulfilling())
                else:
                    ids, scores = self._best(query, hits, k, text)
                found.ids.append(ids)
                found.scores.append(scores)
        return found

    def rows(self, ids: Sequence[str]) -> pa.Table:
        """See `Snapshot.rows`."""
        names = [
            name
            for field in METADATA
            for name in ([field.name, f"has_{field.name}"] if field.nullable else [field.name])
        ]
        return to_rows(self._held(ids, names))

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        """See `Snapshot.vectors`."""
        vectors = [row[VECTOR] for row in self._held(ids, ["id", VECTOR])]
        return np.array(vectors, np.float16).reshape(-1, self.dimension)

    def count(self, where: Filter | None = None) -> int:
        """See `Snapshot.count`."""
        return self._count(expression(where, self.until))

    def values(self, field: str, most: int) -> list[str]:
        """See `Snapshot.values`: each look leaves out the values that are known."""
        found: set[str] = set()
        while True:
            left = And((Where(field, "!=", ""), Not(Where(field, "in", sorted(found)))))
            held = {row[field] for row in self.asked(expression(left, self.until), [field], limit=MOST)}
            found |= held
            if not held:
                empty = [""] if self.count(Where(field, "==", "")) else []
                return sorted([*empty, *found])[:most]

    def asked(self, where: str, fields: Sequence[str], **arguments: Any) -> list[dict[str, Any]]:
        """Returns columns of the rows for which an expression holds."""
        return self.connection.query(where, fields, **arguments, **self._seen)

    @property
    def _seen(self) -> Mapping[str, Any]:
        """What has Milvus answer of no state before the moment; the first question waits for it, a quarter second."""
        return {"consistency_level": "Customized", "guarantee_timestamp": self.moment}

    def _count(self, text: str) -> int:
        return self.asked(text, ["count(*)"])[0]["count(*)"]

    def _near(
        self, queries: np.ndarray, count: int, text: str, hard: Mapping[str, int] | None = None
    ) -> list[list[dict[str, Any]]]:
        parameters = {"metric_type": "COSINE", "params": hard or SEARCHED[self.index](count)}
        return self.connection.ask(
            "search", data=queries.tolist(), filter=text, limit=count, output_fields=["id", VECTOR],
            search_params=parameters, anns_field=VECTOR, **self._seen,
        )  # fmt: skip

    def _best(self, query: np.ndarray, hits: list[dict[str, Any]], k: int, text: str) -> tuple[list[str], np.ndarray]:
        """Returns the k best of a query, ties by id; asks for more where the last hits may be as good as the k-th."""
        count = k + _MORE
        while len(hits) == count < MOST and hits[-1]["distance"] >= hits[k - 1]["distance"] - _ROUNDING:
            count = min(4 * count, MOST)
            hits = self._near(query[None], count, text)[0]
        return _ranked(query, [hit["entity"] for hit in hits], k)

    def _best_of_all(self, query: np.ndarray, k: int, text: str, there: int) -> tuple[list[str], np.ndarray]:
        """Returns the k best of a query, ties by id, of `there` rows that fulfil a filter."""
        if self.index == "IVF_SQ8":
            hits = self._near(query[None], k + _MORE, text, _EVERY_LIST)[0]
            if len(hits) >= min(k, there):
                return self._best(query, hits, k, text)
        step = min(MOST, max(1, _BYTES_AT_ONCE // (4 * self.dimension)))
        best: list[Mapping[str, Any]] = []
        last, seen = None, 0
        while True:
            after = text if last is None else " and ".join(filter(None, (text, expression(Where("id", ">", last)))))
            rows = self.asked(after, ["id", VECTOR], limit=step)
            if not rows:
                break
            last, seen = max(row["id"] for row in rows), seen + len(rows)
            held = {row["id"]: row for row in (*best, *rows)}
            best = [held[name] for name in _ranked(query, list(held.values()), k)[0]]
        if seen < there:
            raise MilvusUnavailable(f"Milvus at {self.connection.address} gave {seen} rows of {there}; search again")
        return _ranked(query, best, k)

    def _held(self, ids: Sequence[str], fields: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yields the row of each id, in their order."""
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = list(ids[start : start + _IDS_AT_ONCE])
            text = expression(Where("id", "in", some), self.until)
            held = {row["id"]: row for row in self.asked(text, fields)}
            for name in some:
                if name not in held:
                    raise KeyError(f"the index has no image {name!r}")
                yield held[name]


def _ranked(query: np.ndarray, rows: Sequence[Mapping[str, Any]], k: int) -> tuple[list[str], np.ndarray]:
    """Returns the ids of the k best rows, ties by id, and their exact cosines."""
    if not rows:
        return [], np.zeros(0, np.float32)
    ids = [row["id"] for row in rows]
    scores = cosines(query, np.array([row[VECTOR] for row in rows], np.float16))
    order = sorted(range(len(ids)), key=lambda place: (-scores[place], ids[place]))[:k]
    return [ids[place] for place in order], scores[order]
