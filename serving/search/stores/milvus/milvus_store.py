"""The store for what outgrows one machine: a collection of Milvus, a server or a cluster, reached over the network.

Any number of processes may add, delete and search. Milvus knows no snapshots: one of ours shows nothing that was added
later, but what is deleted or replaced is gone from it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from serving.search.filters import Filter, Where
from serving.search.shards.files import read_shard, shard_facts
from serving.search.shards.schema import conform
from serving.search.stores.as_now import AsNow
from serving.search.stores.milvus.columns import VECTOR, milvus_schema, to_milvus
from serving.search.stores.milvus.connection import Connection, nanoseconds
from serving.search.stores.milvus.expressions import expression
from serving.search.stores.milvus.view import LISTS, MilvusSnapshot
from serving.search.stores.store import check_model

BUILT: Mapping[str, dict[str, int]] = {  # how each kind of index is
    "FLAT": {},
    "IVF_SQ8": {"nlist": LISTS},
    "HNSW": {"M": 16, "efConstruction": 200},
    "DISKANN": {},
}
_BYTES_AT_ONCE = 1 << 24  # of vectors in a message
_IDS_AT_ONCE = 1000
_WRITING_TRIES = 20  # a minute: a long load outlives a restart


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
    from pymilvus.milvus_client import IndexParams

    if index not in BUILT:
        raise ValueError(f"the index {index!r} is unknown; there are {', '.join(BUILT)}")
    held = Connection(address, collection)
    if held.ask("has_collection"):
        raise FileExistsError(f"Milvus at {address} holds a collection {collection!r}; choose another name")
    said = json.dumps({"align": "index", "fingerprint": fingerprint, "index": index})
    indexes = IndexParams()
    indexes.add_index(VECTOR, index_type=index, metric_type="COSINE", params=BUILT[index])
    held.ask(
        "create_collection",
        schema=milvus_schema(dimension, said),
        index_params=indexes,
        consistency_level="Strong",
    )


class MilvusStore(AsNow):
    """A store of images in a collection of Milvus.

    Attributes:
      cut: how many texts of what was added were too long for Milvus, and are cut.
    """

    most_snapshots = 50_000  # each is a time, and each question takes one: no question tells whether anything changed

    def __init__(self, address: str, collection: str) -> None:
        """Open a store that `create_milvus_store` began.

        Raises:
          FileNotFoundError: when there is no such collection.
          ValueError: when the collection is no index of ours.
          MilvusUnavailable: when Milvus does not answer.
        """
        self.connection, self.cut = Connection(address, collection), 0
        if not self.connection.ask("has_collection"):
            raise FileNotFoundError(
                f"Milvus at {address} holds no collection {collection!r}; build an index there first"
            )
        self._describe()
        self.connection.ask("load_collection")

    def _describe(self) -> None:
        described = self.connection.ask("describe_collection")
        self._generation = self.connection.to(str(described["collection_name"]))
        try:
            said = json.loads(described["description"])
            self.fingerprint, self.index = str(said["fingerprint"]), str(said["index"])
            (vector,) = (field for field in described["fields"] if field["name"] == VECTOR)
            self.dimension = int(vector["params"]["dim"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"collection {self.connection.collection!r} of Milvus at {self.connection.address} is no index of "
                "embeddings; name another"
            ) from error

    def add(self, rows: pa.Table) -> None:
        """See `Store.add`."""
        rows = conform(rows, self.dimension)
        step = max(1, _BYTES_AT_ONCE // (4 * self.dimension))
        for start in range(0, len(rows), step):
            held, cut = to_milvus(rows.slice(start, step), nanoseconds(self.connection.now()))
            self.connection.ask("upsert", data=held, retry_times=_WRITING_TRIES)
            self.cut += cut

    def add_shards(self, shards: Sequence[Path]) -> int:
        """Add the rows of embedding shards, one after another; an interrupted call may be made again.

        Returns:
          how many rows they hold.

        Raises:
          ValueError: for a file that is no shard, or one of another model or dimension, before any is added.
        """
        rows = self.check_shards(shards)
        for shard in shards:
            self.add(read_shard(shard))
        return rows

    def check_shards(self, shards: Sequence[Path]) -> int:
        """Returns how many rows shards hold; raises ValueError as `add_shards` does."""
        facts = [shard_facts(shard) for shard in shards]
        for held in facts:
            check_model(self, held.fingerprint, held.dimension)
        return sum(held.rows for held in facts)

    def delete(self, ids: Sequence[str]) -> int:
        """See `Store.delete`."""
        deleted = 0
        for start in range(0, len(ids), _IDS_AT_ONCE):
            deleted += self._delete_some(Where("id", "in", list(ids[start : start + _IDS_AT_ONCE])))
        return deleted

    def delete_where(self, where: Filter) -> int:
        """Delete the images that fulfil a filter; returns how many."""
        deleted = 0
        while some := self._delete_some(where):
            deleted += some
        return deleted

    def compact(self) -> None:
        """Have Milvus merge what it holds, and give back the room of what was deleted; it does so when it likes."""
        self.connection.ask("compact")

    def _delete_some(self, where: Filter) -> int:
        """Delete the images that fulfil a filter, _IDS_AT_ONCE at most; returns how many."""
        state = self._state()
        held = [row["id"] for row in state.asked(expression(where), ["id"], limit=_IDS_AT_ONCE)]
        if held:
            self.connection.ask("delete", ids=held)
        return len(held)

    def _state(self) -> MilvusSnapshot:
        return MilvusSnapshot(self.connection, self.dimension, self.index, self.connection.now())

    def snapshot(self) -> MilvusSnapshot:
        """Returns the store without what is added from now on; what is deleted or replaced later is gone from it."""
        self._describe()  # a collection that was made anew may be of another model, or behind an alias another one
        moment = self.connection.now()
        return MilvusSnapshot(self._generation, self.dimension, self.index, moment, nanoseconds(moment))
