"""What every store of embeddings can do, whatever holds them.

Legend: N images in the store, Q queries, K results of a query, D embedding dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from serving.search.filters import Filter
from serving.search.unit import unit


@dataclass(frozen=True)
class Found:
    """The images of Q queries, best first; equal scores by id.

    Attributes:
      ids: Q lists of up to K ids.
      scores: Q arrays [<= K] float32: the cosine of the query and the stored fp16 vector.
    """

    ids: list[list[str]]
    scores: list[np.ndarray]


class Snapshot(Protocol):
    """A store as it was at one moment, which later adds and deletes do not change."""

    def search(self, queries: np.ndarray, k: int, where: Filter | None = None) -> Found:
        """Find the k best images of each query.

        Args:
          queries: [Q, D], of any length but 0.
          k: how many images, 1 or more.
          where: which images count; None is all. Fewer than k come only where fewer fulfil it.

        Raises:
          ValueError: for queries of another dimension or without a direction, or k below 1.
        """

    def rows(self, ids: Sequence[str]) -> pa.Table:
        """Returns the metadata of ids, without vectors, in their order.

        Raises:
          KeyError: for an id that is not there.
        """

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        """Returns the vectors of ids, [n, D] float16, in their order.

        Raises:
          KeyError: for an id that is not there.
        """

    def count(self, where: Filter | None = None) -> int:
        """Returns how many images fulfil a filter; of None N."""

    def values(self, field: str, most: int) -> list[str]:
        """Returns the values of a column of text, each once, ascending; the first `most` of them."""


class Store(Snapshot, Protocol):
    """A store that changes. What `add` and `delete` did is durable when they return."""

    @property
    def fingerprint(self) -> str:
        """The model that made the vectors."""

    @property
    def dimension(self) -> int:
        """D."""

    @property
    def most_snapshots(self) -> int:
        """How many snapshots may be kept at once, by what one holds."""

    def snapshot(self) -> Snapshot:
        """Returns the store as it is now."""

    def add(self, rows: pa.Table) -> None:
        """Add images; one whose id is there already is replaced.

        Raises:
          ValueError: when the rows do not conform to `serving.search.shards.schema`.
        """

    def delete(self, ids: Sequence[str]) -> int:
        """Delete images. Returns how many of the ids were there."""


def check_model(store: Store, fingerprint: str, dimension: int) -> None:
    """Raises ValueError when a store holds embeddings of another model or of another dimension than asked."""
    if store.dimension != dimension:
        raise ValueError(
            f"the index holds D = {store.dimension}, the model gives D = {dimension}; build the index anew"
        )
    if store.fingerprint != fingerprint:
        raise ValueError(
            f"the index was made by model {store.fingerprint}, this is model {fingerprint}; build the index anew"
        )


def unit_queries(queries: np.ndarray, k: int, dimension: int) -> np.ndarray:
    """Returns queries as unit rows [Q, D] float32, or raises ValueError as `Snapshot.search` says."""
    queries = np.asarray(queries, np.float32)
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise ValueError(f"queries have shape {queries.shape}; this index takes [Q, {dimension}]")
    if k < 1:
        raise ValueError(f"k is {k}; it must be 1 or more")
    return unit(queries)
