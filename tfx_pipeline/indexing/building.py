"""Builds an index of sources, or adds them to one: embed what no shard holds yet, encode segments, name them at once.

A process that is killed at any point leaves the index as it was before, or whole as it is after; the shards that it
wrote are used by the next one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components.counts import Counts, merge
from components.pair_example_gen.storage.listing import Stamps
from serving.encoders.encoder import Encoder, settling
from serving.search.shards.files import ShardFacts, shard_facts
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
from serving.search.stores.store import Store, check_model
from tfx_pipeline.indexing.folder import SHARDS, Made, Origin, refuse_exact
from tfx_pipeline.indexing.passes.embed_job import COUNTS, Conversion, run_converting, run_embedding
from tfx_pipeline.indexing.passes.encode_job import run_encoding
from tfx_pipeline.indexing.sources import Part, Task, digest_of
from tfx_pipeline.indexing.vectors import VectorsPart, refuse_other_model
from tfx_pipeline.settings.config import ConfigError
from tfx_pipeline.wording import counted

_ENTRIES = "1"  # another number where entries.py makes other rows of the same records


@dataclass(frozen=True)
class Work:
    """What a build needs beside its sources.

    Attributes:
      folder: of the index.
      model: as `serving.encoders.opening` reads it.
      encoder: of the model.
      make_pipeline: makes the pipeline that a Beam job runs in.
      announce: takes a sentence on what is being done.
    """

    folder: Path
    model: str
    encoder: Encoder
    make_pipeline: Callable[[], Any]
    announce: Callable[[str], None]


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
        shards = embedded(work, parts)
        facts = [shard_facts(shard) for shard in shards]
        counts = counts_of(facts)
        dimension = dimension_of(facts, counts)
        names = tuple(shard.name for shard in shards)
        made = made_of(work, dimension, origins, names, counts)
        new = run_encoding(work.make_pipeline, folder, grouped(shards), dimension)
        with locked(folder, WRITING):
            if held is not None:  # what stands in the store is covered at any moment
                replace(made, sources=joined(sources_of(folder), origins)).write(folder)
            put_in_place(folder, Manifest(made.fingerprint, dimension), [], new)
            made.write(folder)
        store = SegmentStore(folder)
        _sweep(store, names)
        return Built(counts, kept(counts) - store.count(), store.count())


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
        shards, _, counts = embedded_for(store, work, parts)
        new = run_encoding(work.make_pipeline, folder, grouped(shards), store.dimension)
        with locked(folder, WRITING):
            old = store.whole()
            check_model(store, work.encoder.fingerprint, store.dimension)  # another index may stand there by now
            names = note(folder, origins, shards, counts)
            put_in_place(folder, Manifest(store.fingerprint, store.dimension), old.parts, new)
            count = store.count()
        _sweep(store, names)
        return Built(counts, old.count() + kept(counts) - count, count)


def embedded_for(
    store: Store, work: Work, parts: Sequence[Part | VectorsPart]
) -> tuple[list[Path], list[ShardFacts], Counts]:
    """Embed sources whose vectors the store takes; returns the shards, what each says of itself, and the counts."""
    shards = embedded(work, parts)
    facts = [shard_facts(shard) for shard in shards]
    counts = counts_of(facts)
    check_model(store, work.encoder.fingerprint, dimension_of(facts, counts))
    return shards, facts, counts


def refuse_another_model(work: Work, fingerprint: str) -> None:
    """Raise ConfigError where what a build would replace is of another model."""
    if fingerprint != work.encoder.fingerprint:
        raise ConfigError(
            f"{work.folder} holds an index of model {fingerprint[:16]}, this is {work.encoder.fingerprint[:16]} "
            f"({work.model}); name another folder, or delete that one"
        )


def made_of(work: Work, dimension: int, origins: Sequence[Origin], shards: Sequence[str], counts: Counts) -> Made:
    """Returns what index.json says of a build."""
    return Made(
        model=work.model,
        fingerprint=work.encoder.fingerprint,
        dimension=dimension,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        sources=origins,
        shards=shards,
        skipped=skipped_of(counts),
    )


def alone(work: Work) -> AbstractContextManager[None]:
    """Wait until no other build, `add` or `compact` is in the folder, and keep others out."""
    said = f"Another `align index` is at work in {work.folder}; this one begins when it is done. Ctrl-C gives up."
    return locked(work.folder, COMPACTING, lambda: work.announce(said))


def note(folder: Path, origins: Sequence[Origin], shards: Sequence[Path], counts: Counts) -> tuple[str, ...]:
    """Write into index.json what is added; returns the names of all shards."""
    made = Made.read(folder)
    names = tuple(dict.fromkeys((*made.shards, *(shard.name for shard in shards))))
    skipped = dict(Counter(made.skipped) + Counter(skipped_of(counts)))
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


def embedded(work: Work, parts: Sequence[Part | VectorsPart]) -> list[Path]:
    """Returns the shards of parts, once each; those that no earlier build wrote are embedded."""
    folder = work.folder.resolve() / SHARDS
    folder.mkdir(exist_ok=True)
    stamps = Stamps()
    same = (work.encoder.fingerprint, settling(), _ENTRIES)
    of_part = {folder / f"{digest_of(part, stamps, *same)}.parquet": part for part in parts}
    wanted = {str(shard): part for shard, part in of_part.items() if not _stands(shard)}
    vectors = [Conversion(part, shard) for shard, part in wanted.items() if isinstance(part, VectorsPart)]
    images = [Task(part, shard) for shard, part in wanted.items() if not isinstance(part, VectorsPart)]
    if vectors:
        dimension = work.encoder.encode_text(["a picture"]).shape[1]
        for path in {task.part.path for task in vectors}:
            refuse_other_model(Path(path), work.encoder.fingerprint, dimension)
        run_converting(work.make_pipeline, vectors, fingerprint=work.encoder.fingerprint, dimension=dimension)
    if images:
        work.announce(f"Embedding the images, {len(images)} of {counted(len(of_part), 'part')}.")
        run_embedding(work.make_pipeline, images, model=work.model, fingerprint=work.encoder.fingerprint)
    return list(of_part)


def _stands(shard: Path) -> bool:
    try:
        return COUNTS in shard_facts(shard).notes
    except FileNotFoundError:
        return False
    except ValueError:  # damaged: it is written anew
        return False


def counts_of(facts: Sequence[ShardFacts]) -> Counts:
    """Returns what became of the records that shards were made of."""
    return merge(Counts.from_json(each.notes[COUNTS]) for each in facts)


def dimension_of(facts: Sequence[ShardFacts], counts: Counts) -> int:
    """Returns D of shards that hold an image; raises ConfigError where none does."""
    if not any(each.rows for each in facts):
        why = ", ".join(f"{reason} {number}" for reason, number in skipped_of(counts).items()) or "none was there"
        raise ConfigError(f"the sources hold no image that can be indexed ({why}); check what they name")
    return facts[0].dimension


def kept(counts: Counts) -> int:
    """Returns how many records became rows."""
    return sum(counts.kept.values())


def skipped_of(counts: Counts) -> dict[str, int]:
    """Returns reason -> records that were left out, the commonest first."""
    found: dict[str, int] = {}
    for (_, _, reason), number in counts.dropped.items():
        found[reason] = found.get(reason, 0) + number
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


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
