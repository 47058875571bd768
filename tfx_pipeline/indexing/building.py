"""Builds an index of sources, or adds them to one: embed what no shard holds yet, encode segments, name them at once.

A process that is killed at any point leaves the index as it was before, or whole as it is after; the shards that it
wrote are used by the next one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from components.counts import Counts
from serving.search.stores.segments.bulk import grouped, put_in_place
from serving.search.stores.segments.compaction import sweep_all_but
from serving.search.stores.segments.manifest import (
    COMPACTING,
    WRITING,
    Manifest,
    locked,
    manifest_bytes,
    parse_manifest,
)
from serving.search.stores.segments.segment_store import SegmentStore
from serving.search.stores.store import check_model
from tfx_pipeline.indexing.embedded import Embedded, Work, embed
from tfx_pipeline.indexing.folder import SHARDS, Made, Origin, refuse_exact
from tfx_pipeline.indexing.passes.encode_job import run_encoding
from tfx_pipeline.indexing.sources import Part
from tfx_pipeline.indexing.vectors import VectorsPart
from tfx_pipeline.settings.config import ConfigError


@dataclass(frozen=True)
class Built:
    """What became of a build.

    Attributes:
      counts: of the records of its sources.
      replaced: how many images gave way to a later one of their id, in the sources or in the index.
      count: how many images the index holds.
      cut: how many texts were too long for the store, and are cut.
    """

    counts: Counts
    replaced: int
    count: int
    cut: int = 0


def build(work: Work, parts: Sequence[Part | VectorsPart], origins: Sequence[Origin]) -> Built:
    """Make the index of a folder anew; what it held is searched until the new one stands, and replaced at once.

    Raises:
      ConfigError: for a folder that holds an index of another model or kind, or sources without an image.
      EncodeError: where the model cannot encode.
    """
    folder = work.folder
    refuse_exact(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(work):
        held = _held(folder)
        if held is not None:
            refuse_another_model(work, held.fingerprint)
        embedded = embed(work, parts)
        made = made_of(work, embedded, origins)
        new = run_encoding(work.make_pipeline, folder, grouped(embedded.shards), embedded.dimension)
        with locked(folder, WRITING):
            if held is not None:  # what stands in the store is covered at any moment
                replace(made, sources=joined(sources_of(folder), origins)).write(folder)
            put_in_place(folder, Manifest(made.fingerprint, made.dimension), [], new)
            made.write(folder)
        store = SegmentStore(folder)
        _sweep(store, made.shards)
        return Built(embedded.counts, embedded.kept - store.count(), store.count())


def add(work: Work, parts: Sequence[Part | VectorsPart], origins: Sequence[Origin]) -> Built:
    """Add sources to the index of a folder; an image whose id is there already is replaced.

    Raises:
      ConfigError: for a folder without an index, or sources without an image.
      ValueError: for an index of another model or dimension.
      DamagedSegment: when a segment of it is damaged.
      EncodeError: where the model cannot encode.
    """
    folder = work.folder
    refuse_exact(folder)
    Made.read(folder)
    store = SegmentStore(folder)
    check_model(store, work.encoder.fingerprint, store.dimension)
    with alone(work):
        embedded = embed(work, parts)
        check_model(store, work.encoder.fingerprint, embedded.dimension)
        new = run_encoding(work.make_pipeline, folder, grouped(embedded.shards), store.dimension)
        with locked(folder, WRITING):
            old = store.whole()
            check_model(store, work.encoder.fingerprint, store.dimension)  # another index may stand there by now
            names = note(folder, origins, embedded)
            put_in_place(folder, Manifest(store.fingerprint, store.dimension), old.parts, new)
            count = store.count()
        _sweep(store, names)
        return Built(embedded.counts, old.count() + embedded.kept - count, count)


def refuse_another_model(work: Work, fingerprint: str) -> None:
    """Raise ConfigError where what a build would replace is of another model."""
    if fingerprint != work.encoder.fingerprint:
        raise ConfigError(
            f"{work.folder} holds an index of model {fingerprint[:16]}, this is {work.encoder.fingerprint[:16]} "
            f"({work.model}); name another folder, or delete that one"
        )


def made_of(work: Work, embedded: Embedded, origins: Sequence[Origin]) -> Made:
    """Returns what index.json says of a build."""
    return Made(
        model=work.model,
        fingerprint=work.encoder.fingerprint,
        dimension=embedded.dimension,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        sources=origins,
        shards=[shard.name for shard in embedded.shards],
        skipped=embedded.skipped,
    )


def alone(work: Work) -> AbstractContextManager[None]:
    """Wait until no other build, `add` or `compact` is in the folder, and keep others out."""
    said = f"Another `align index` is at work in {work.folder}; this one begins when it is done. Ctrl-C gives up."
    return locked(work.folder, COMPACTING, lambda: work.announce(said))


def note(folder: Path, origins: Sequence[Origin], embedded: Embedded) -> tuple[str, ...]:
    """Write into index.json what is added; returns the names of all shards."""
    made = Made.read(folder)
    names = tuple(dict.fromkeys((*made.shards, *(shard.name for shard in embedded.shards))))
    skipped = dict(Counter(made.skipped) + Counter(embedded.skipped))
    replace(made, sources=joined(made.sources, origins), shards=names, skipped=skipped).write(folder)
    return names


def _held(folder: Path) -> Manifest | None:
    """Returns what a folder holds; None where that is nothing, or cannot be read and is what a build replaces."""
    try:
        return parse_manifest(folder, manifest_bytes(folder))
    except (FileNotFoundError, ValueError):
        return None


def sources_of(folder: Path) -> Sequence[Origin]:
    """Returns the sources that an index.json names; none where it cannot be read."""
    try:
        return Made.read(folder).sources
    except ConfigError:
        return ()


def joined(before: Sequence[Origin], more: Sequence[Origin]) -> list[Origin]:
    """Returns sources, each once."""
    return [*before, *(origin for origin in more if origin not in before)]


def _sweep(store: SegmentStore, shards: Sequence[str]) -> None:
    """Delete the segments and shards that are not needed any more; for who holds the lock on compacting."""
    with locked(store.folder, WRITING):
        sweep_all_but(store.folder, store.entries())
    sweep_shards(store.folder, shards)


def sweep_shards(folder: Path, needed: Sequence[str]) -> None:
    """Delete the shards of an index that are not needed any more; for who holds the lock on compacting."""
    for path in (folder / SHARDS).iterdir():
        if path.name not in needed:
            path.unlink()
