"""The store for what outgrows one machine: a collection of Milvus, a server or a cluster, reached over the network.

Any number of processes may add, delete and search. Milvus knows no snapshots: one of ours shows nothing that was added
later, but what is deleted or replaced is gone from it too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from serving.search.filters import Where
from serving.search.shards.files import read_shard, shard_facts
from serving.search.shards.schema import conform
from serving.search.stores.as_now import AsNow
from serving.search.stores.milvus.columns import VECTOR, milvus_schema, to_milvus
from serving.search.stores.milvus.connection import connect
from serving.search.stores.milvus.expressions import expression
from serving.search.stores.milvus.view import MilvusSnapshot
from serving.search.stores.store import check_model

BUILT: Mapping[str, dict[str, int]] = {  # how each kind of index is
    "FLAT": {},
    "IVF_SQ8": {"nlist": 4096},
    "HNSW": {"M": 16, "efConstruction": 200},
    "DISKANN": {},
}
_BYTES_AT_ONCE = 1 << 24  # of vectors in a message
_IDS_AT_ONCE = 1000


def create_milvus_store(
    address: str, collection: str, *, fingerprint: str, dimension: int, index: str = "FLAT"
) -> None:
    """Begin an empty store.

    Args:
      address: of Milvus, as https://HOST:PORT.
      collection: its name.
      fingerprint: of the model.
      dimension: D.
      index: of BUILT; FLAT compares every vector.

    Raises:
      FileExistsError: when there is such a collection.
      ValueError: for an unknown index.
      MilvusUnavailable: when Milvus does not answer.
    """
    if index not in BUILT:
        raise ValueError(f"the index {index!r} is unknown; there are {', '.join(BUILT)}")
    held = connect(address, collection)
    if held.ask("has_collection"):
        raise FileExistsError(f"Milvus at {address} holds a collection {collection!r}; choose another name")
    said = json.dumps({"align": "index", "fingerprint": fingerprint, "index": index})
    indexes = held.client.prepare_index_params()
    indexes.add_index(VECTOR, index_type=index, metric_type="COSINE", params=BUILT[index])
    held.ask(
        "create_collection",
        schema=milvus_schema(dimension, said),
        index_params=indexes,
        consistency_level="Strong",
    )


class MilvusStore(AsNow):
    """A store of images in a collection of Milvus."""

    def __init__(self, address: str, collection: str) -> None:
        """Open a store that `create_milvus_store` began.

        Raises:
          FileNotFoundError: when there is no such collection.
          ValueError: when the collection is no index of ours.
          MilvusUnavailable: when Milvus does not answer.
        """
        self._connection = connect(address, collection)
        if not self._connection.ask("has_collection"):
            raise FileNotFoundError(
                f"Milvus at {address} holds no collection {collection!r}; build an index there first"
            )
        described = self._connection.ask("describe_collection")
        try:
            said = json.loads(described["description"])
            self.fingerprint, index = str(said["fingerprint"]), str(said["index"])
            (vector,) = (field for field in described["fields"] if field["name"] == VECTOR)
            self.dimension = int(vector["params"]["dim"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"collection {collection!r} of Milvus at {address} is no index of embeddings; name another"
            ) from error
        self._connection.ask("load_collection")
        self._now = MilvusSnapshot(self._connection, self.dimension, index)

    def add(self, rows: pa.Table) -> None:
        """See `Store.add`."""
        rows = conform(rows, self.dimension)
        step = max(1, _BYTES_AT_ONCE // (4 * self.dimension))
        for start in range(0, len(rows), step):
            self._connection.ask("upsert", data=to_milvus(rows.slice(start, step), time.time_ns()))

    def add_shards(self, shards: Sequence[Path]) -> int:
        """Add the rows of embedding shards, one after another; an interrupted call may be made again.

        Returns:
          how many rows they hold.

        Raises:
          ValueError: for a file that is no shard, or one of another model or dimension, before any is added.
        """
        facts = [shard_facts(shard) for shard in shards]
        for held in facts:
            check_model(self, held.fingerprint, held.dimension)
        for shard in shards:
            self.add(read_shard(shard))
        return sum(held.rows for held in facts)

    def delete(self, ids: Sequence[str]) -> int:
        """See `Store.delete`."""
        deleted = 0
        for start in range(0, len(ids), _IDS_AT_ONCE):
            text = expression(Where("id", "in", list(ids[start : start + _IDS_AT_ONCE])))
            held = [row["id"] for row in self._connection.query(text, ["id"])]
            if held:
                self._connection.ask("delete", ids=held)
            deleted += len(held)
        return deleted

    def _state(self) -> MilvusSnapshot:
        return self._now

    def snapshot(self) -> MilvusSnapshot:
        """Returns the store without what is added from now on; what is deleted or replaced later is gone from it."""
        return MilvusSnapshot(self._connection, self.dimension, self._now.index, time.time_ns())
