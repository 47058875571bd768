"""Loads embedding shards by Milvus's bulk insert: it reads files of a folder that it shares, and no row is sent to it.

A bulk insert replaces nothing: of two rows of one id both would stay. So it begins with an empty collection, takes the
first row of each id, and the others are added behind it one by one.

Legend: N rows of all shards.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from serving.search.shards.files import read_shard
from serving.search.shards.schema import conform
from serving.search.stores.milvus.columns import VECTOR, file_schema, to_milvus
from serving.search.stores.milvus.connection import nanoseconds
from serving.search.stores.milvus.milvus_store import MilvusStore

_ROWS_A_FILE = 100_000
_AT_ONCE = 4  # files that Milvus has not read yet
_POLL_S = 0.5
_DONE, _FAILED = "Completed", "Failed"


def bulk_insert(store: MilvusStore, shards: Sequence[Path], folder: Path, called: str) -> int:
    """Insert the rows of shards into an empty store.

    Args:
      store: the store.
      shards: embedding shards; of rows with one id the last stays.
      folder: where files for Milvus are written, each of which is deleted when it was read.
      called: what Milvus calls the folder: its path there, or its name within Milvus's bucket.

    Returns:
      how many rows the shards hold.

    Raises:
      ValueError: for a store that holds rows, a shard of another model, or a file that Milvus does not read.
      MilvusUnavailable: when Milvus does not answer.
    """
    rows = store.check_shards(shards)
    if store.count():
        raise ValueError(f"collection {store.connection.collection!r} holds images, and a bulk insert replaces none")
    first = _first_of_each_id(shards)
    folder.mkdir(parents=True, exist_ok=True)
    running: dict[int, Path] = {}
    for number, some in enumerate(_files(first)):
        path = folder / f"{store.connection.collection}-{number:06}.parquet"
        with pq.ParquetWriter(path, file_schema()) as file:
            for place in some:
                rows_of_shard = read_shard(shards[place]).filter(pa.array(first[place]))
                held, cut = to_milvus(conform(rows_of_shard, store.dimension), nanoseconds(store.connection.now()))
                columns = [{**row, VECTOR: row[VECTOR].tolist()} for row in held]
                file.write_table(pa.Table.from_pylist(columns, file_schema()))
                store.cut += cut
        running[store.connection.insert_file(f"{called.rstrip('/')}/{path.name}")] = path
        _wait(store, running, _AT_ONCE - 1)
    _wait(store, running, 0)
    store.connection.ask("refresh_load")  # or what was inserted is not searched
    inserted = int(sum(line.sum() for line in first))
    if store.count() != inserted:
        raise ValueError(f"Milvus holds {store.count()} images of {inserted} that it was given; drop it and load again")
    for number, shard in enumerate(shards):
        if not first[number].all():
            store.add(read_shard(shard).filter(pa.array(~first[number])))
    return rows


def _first_of_each_id(shards: Sequence[Path]) -> list[np.ndarray]:
    """Returns for each row of each shard whether none before it has its id, by 8 bytes of a hash of it.

    Two ids of one hash, of a billion one pair by chance, are as two rows of one id: the later one is added alone.
    """
    hashes = []
    for shard in shards:
        ids = pq.read_table(shard, columns=["id"]).column("id").to_pylist()
        digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in ids)
        hashes.append(np.frombuffer(digests, np.uint64))
    every = np.concatenate(hashes)  # [N]
    first = np.zeros(len(every), bool)
    first[np.unique(every, return_index=True)[1]] = True
    return np.split(first, np.cumsum([len(some) for some in hashes])[:-1])


def _files(first: Sequence[np.ndarray]) -> Iterator[list[int]]:
    """Yield the numbers of the shards whose rows become one file: each file costs Milvus seconds, however small."""
    some: list[int] = []
    for place in range(len(first)):
        if first[place].any():
            some.append(place)
        if sum(int(first[each].sum()) for each in some) >= _ROWS_A_FILE or (some and place == len(first) - 1):
            yield some
            some = []


def _wait(store: MilvusStore, running: dict[int, Path], most: int) -> None:
    """Wait until `most` files at most are still to be read."""
    while True:
        for task in [*running]:
            state, _, why = store.connection.inserted(task)
            if state.startswith(_FAILED):
                raise ValueError(
                    f"Milvus does not insert {running[task]} ({why}); name a folder that it reads too, by the name "
                    "that it has there"
                )
            if state == _DONE:
                running.pop(task).unlink()
        if len(running) <= most:
            return
        time.sleep(_POLL_S)
