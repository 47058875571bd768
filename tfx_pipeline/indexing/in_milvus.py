"""Builds an index in Milvus of sources, or adds them to one there.

A build fills a collection aside and puts it in the place of the one that is searched, so that one that is killed leaves
that as it was. An `add` that is killed has added some of its images, each of them whole; it is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from serving.search.stores.milvus.bulk import bulk_insert
from serving.search.stores.milvus.generations import begin_generation, generation_of, put_in_place
from serving.search.stores.milvus.milvus_store import MilvusStore
from serving.search.stores.milvus.place import Place, open_place
from serving.search.stores.store import check_model
from tfx_pipeline.indexing.building import (
    Built,
    alone,
    joined,
    made_of,
    note,
    refuse_another_model,
    sources_of,
    sweep_shards,
)
from tfx_pipeline.indexing.embedded import Work, embed
from tfx_pipeline.indexing.folder import Origin, is_in_milvus, refuse_exact, refuse_segments
from tfx_pipeline.indexing.loading import Loading
from tfx_pipeline.indexing.sources import Part
from tfx_pipeline.indexing.vectors import VectorsPart
from tfx_pipeline.settings.config import ConfigError

_INDEX = "FLAT"


def build_in_milvus(
    work: Work, parts: Sequence[Part | VectorsPart], origins: Sequence[Origin], loading: Loading
) -> Built:
    """Make the index of a folder anew in Milvus; what it held is searched until the new one stands.

    Raises:
      ConfigError: for a folder that holds another kind of index or another place's, a place that is taken, or sources
        without an image.
      ValueError: for a collection of another making.
      MilvusUnavailable: when Milvus does not answer.
      EncodeError: where the model cannot encode.
    """
    folder = work.folder
    refuse_exact(folder)
    refuse_segments(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(work):
        place = _place(folder, loading)
        held = MilvusStore(place.address, place.collection) if generation_of(place) else None
        if held is not None:
            refuse_another_model(work, held.fingerprint)
        embedded = embed(work, parts)
        made = made_of(work, embedded, origins)
        index = loading.index or (held.index if held else _INDEX)
        store = begin_generation(place, fingerprint=made.fingerprint, dimension=made.dimension, index=index)
        if loading.bulk is None:
            store.add_shards(embedded.filled)
        else:
            bulk_insert(store, embedded.filled, loading.bulk, loading.bulk_as or str(loading.bulk.resolve()))
        count = store.count()
        replace(made, sources=joined(sources_of(folder), origins)).write(folder)
        place.write(folder)
        put_in_place(place, store)
        made.write(folder)
        sweep_shards(folder, made.shards)
        return Built(embedded.counts, embedded.kept - count, count, store.cut)


def add_to_milvus(work: Work, parts: Sequence[Part | VectorsPart], origins: Sequence[Origin]) -> Built:
    """Add sources to the index that a folder stands for; an image whose id is there already is replaced.

    Raises:
      ValueError: for an index of another model or dimension.
      MilvusUnavailable: when Milvus does not answer.
      EncodeError: where the model cannot encode.
    """
    store = open_place(work.folder)
    check_model(store, work.encoder.fingerprint, store.dimension)
    with alone(work):
        embedded = embed(work, parts)
        check_model(store, work.encoder.fingerprint, embedded.dimension)
        note(work.folder, origins, embedded)
        before = store.count()
        store.add_shards(embedded.filled)
        count = store.count()
        return Built(embedded.counts, before + embedded.kept - count, count, store.cut)


def _place(folder: Path, loading: Loading) -> Place:
    """Returns where the index of a folder is, or is to be; raises ConfigError for another one's place."""
    held = Place.read(folder) if is_in_milvus(folder) else None
    place = loading.place or held
    if place is None:
        raise ConfigError("--bulk and --milvus-index are of an index in Milvus; name its place by --milvus")
    if held is not None and held != place:
        raise ConfigError(
            f"{folder} stands for {held.collection} of Milvus at {held.address}, not {place.collection} at "
            f"{place.address}; name another folder by --index"
        )
    if held is None and generation_of(place):
        raise ConfigError(
            f"Milvus at {place.address} holds an index {place.collection} that {folder} does not stand for; choose "
            "another name"
        )
    return place
