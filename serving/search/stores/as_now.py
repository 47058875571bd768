"""What a store answers is what its state at that moment answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from serving.search.filters import Filter
from serving.search.stores.store import Found, Snapshot


class AsNow(ABC):
    """The questions of a `Store`, each put to its state as it is now."""

    most_snapshots = 32

    @abstractmethod
    def _state(self) -> Snapshot:
        """Returns the store as it is now, for one question."""

    def search(self, queries: np.ndarray, k: int, where: Filter | None = None) -> Found:
        """See `Snapshot.search`."""
        return self._state().search(queries, k, where)

    def rows(self, ids: Sequence[str]) -> pa.Table:
        """See `Snapshot.rows`."""
        return self._state().rows(ids)

    def vectors(self, ids: Sequence[str]) -> np.ndarray:
        """See `Snapshot.vectors`."""
        return self._state().vectors(ids)

    def count(self, where: Filter | None = None) -> int:
        """See `Snapshot.count`."""
        return self._state().count(where)

    def values(self, field: str, most: int) -> list[str]:
        """See `Snapshot.values`."""
        return self._state().values(field, most)
