"""Loads the embedding shards of an index into Milvus, and makes a folder that stands for them there.

Usage: .venv/bin/python -m serving.search.stores.milvus.load INDEX/shards http://HOST:PORT COLLECTION FOLDER
       [--index FLAT|IVF_SQ8|HNSW|DISKANN] [--bulk FOLDER [--bulk-as NAME]]

The collection is made where there is none. What is there already is replaced, so that an interrupted load is repeated.
With --bulk, Milvus reads files that are written into a folder which it shares; the collection must be empty.
Where Milvus wants a password or a key, MILVUS_TOKEN holds it.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from serving.search.shards.files import shard_facts, sync_folder
from serving.search.stores.milvus.bulk import bulk_insert
from serving.search.stores.milvus.connection import MilvusUnavailable
from serving.search.stores.milvus.milvus_store import BUILT, MilvusStore, create_milvus_store

FORMAT = 1
MADE = "index.json"
NAME = "milvus.json"  # in the folder of an index: where its collection is


def write_place(folder: Path, address: str, collection: str, made: Path | None = None) -> None:
    """Let a folder stand for a collection; `made` is the file that says of what the index was made, and is copied."""
    folder.mkdir(parents=True, exist_ok=True)
    if made and made.exists():
        _replace(folder / made.name, made.read_bytes())
    place = {"format": FORMAT, "address": address, "collection": collection}
    _replace(folder / NAME, json.dumps(place).encode())
    sync_folder(folder)


def _replace(path: Path, content: bytes) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(content)
    aside.replace(path)


def open_place(folder: Path) -> MilvusStore:
    """Open the collection that a folder stands for.

    Raises:
      ValueError: when the file that says so is damaged or of another format, or the collection is no index.
      FileNotFoundError: when there is no such collection.
      MilvusUnavailable: when Milvus does not answer.
    """
    try:
        said = json.loads((folder / NAME).read_bytes())
        if said["format"] != FORMAT:
            raise ValueError(f"it has format {said['format']}, this version reads format {FORMAT}")
        address, collection = str(said["address"]), str(said["collection"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / NAME} does not say where an index is ({error}); load it again") from error
    return MilvusStore(address, collection)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shards", type=Path, help="folder of embedding shards, *.parquet")
    parser.add_argument("address", help="of Milvus")
    parser.add_argument("collection")
    parser.add_argument("folder", type=Path, help="of the index that is made")
    parser.add_argument("--index", choices=list(BUILT), default="FLAT", help="FLAT compares every vector")
    parser.add_argument("--bulk", type=Path, help="folder that Milvus reads too, for a bulk insert")
    parser.add_argument("--bulk-as", help="what Milvus calls that folder, such as its name within Milvus's bucket")
    said = parser.parse_args(arguments)
    shards = sorted(said.shards.glob("*.parquet"))
    if not shards:
        parser.error(f"{said.shards} holds no embedding shards; `align index build` writes them")
    try:
        facts = shard_facts(shards[0])
        try:
            store = MilvusStore(said.address, said.collection)
        except FileNotFoundError:
            create_milvus_store(
                said.address,
                said.collection,
                fingerprint=facts.fingerprint,
                dimension=facts.dimension,
                index=said.index,
            )
            store = MilvusStore(said.address, said.collection)
        if said.bulk:
            rows = bulk_insert(store, shards, said.bulk, said.bulk_as or str(said.bulk.resolve()))
        else:
            rows = store.add_shards(shards)
    except (ValueError, MilvusUnavailable) as error:
        parser.error(str(error))
    write_place(said.folder, said.address, said.collection, said.shards.parent / MADE)
    print(
        f"{said.collection} holds {store.count()} images, {rows} of them from {len(shards)} shards; it is {said.folder}"
    )


if __name__ == "__main__":
    main()
