"""Makes an index in Milvus anew beside the one that is searched, and puts it in its place at once.

An index that a build made is called by an alias. What the alias stands for is a generation, a collection called
<alias>_<8 hex digits>; another generation is filled aside, and the alias then moved.
"""

from __future__ import annotations

import re
import uuid

from serving.search.stores.milvus.connection import Connection
from serving.search.stores.milvus.milvus_store import MilvusStore, create_milvus_store
from serving.search.stores.milvus.place import Place


def generation_of(place: Place) -> str | None:
    """Returns the collection that is searched at a place, or None.

    Raises:
      ValueError: when a collection is called so itself, which nothing can be put in the place of.
      MilvusUnavailable: when Milvus does not answer.
    """
    held = Connection(place.address, place.collection)
    if not held.ask("has_collection"):
        return None
    name = str(held.ask("describe_collection")["collection_name"])
    if name == place.collection:
        raise ValueError(
            f"Milvus at {place.address} holds a collection {name!r} that no build made; choose another name, or drop it"
        )
    return name


def begin_generation(place: Place, *, fingerprint: str, dimension: int, index: str) -> MilvusStore:
    """Returns an empty store that `put_in_place` may put in the place of what is searched; drops unfinished ones."""
    _drop_all_but(place, generation_of(place))
    name = f"{place.collection}_{uuid.uuid4().hex[:8]}"
    create_milvus_store(place.address, name, fingerprint=fingerprint, dimension=dimension, index=index)
    return MilvusStore(place.address, name)


def put_in_place(place: Place, store: MilvusStore) -> None:
    """Have a place stand for a store from now on; what it stood for before is dropped."""
    name = store.connection.collection
    move = "alter_alias" if generation_of(place) else "create_alias"
    store.connection.ask(move, alias=place.collection)
    _drop_all_but(place, name)


def _drop_all_but(place: Place, kept: str | None) -> None:
    held = Connection(place.address, place.collection)
    generation = re.compile(re.escape(place.collection) + "_[0-9a-f]{8}")
    for name in held.ask_server("list_collections"):
        if generation.fullmatch(name) and name != kept:
            held.to(name).ask("drop_collection")
