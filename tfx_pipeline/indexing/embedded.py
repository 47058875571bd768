"""Embeds the sources of an index into shards, each once: what an earlier build wrote is not embedded again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.counts import Counts, merge
from components.pair_example_gen.storage.listing import Stamps
from serving.encoders.encoder import Encoder, settling
from serving.search.shards.files import shard_facts
from tfx_pipeline.indexing.folder import SHARDS
from tfx_pipeline.indexing.passes.embed_job import COUNTS, Conversion, run_converting, run_embedding
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
class Embedded:
    """The shards of sources.

    Attributes:
      shards: their files, each once.
      filled: those of them that hold an image.
      counts: of the records that they were made of.
      dimension: D.
    """

    shards: Sequence[Path]
    filled: Sequence[Path]
    counts: Counts
    dimension: int

    @property
    def kept(self) -> int:
        """How many records became rows."""
        return sum(self.counts.kept.values())

    @property
    def skipped(self) -> dict[str, int]:
        """Reason -> records that were left out, the commonest first."""
        return _skipped(self.counts)


def embed(work: Work, parts: Sequence[Part | VectorsPart]) -> Embedded:
    """Embed those parts that no shard holds yet. Raises ConfigError where no shard holds an image."""
    shards = _shards(work, parts)
    facts = [shard_facts(shard) for shard in shards]
    counts = merge(Counts.from_json(each.notes[COUNTS]) for each in facts)
    filled = [shard for shard, each in zip(shards, facts, strict=True) if each.rows]
    if not filled:
        why = ", ".join(f"{reason} {number}" for reason, number in _skipped(counts).items()) or "none was there"
        raise ConfigError(f"the sources hold no image that can be indexed ({why}); check what they name")
    return Embedded(shards, filled, counts, facts[0].dimension)


def _shards(work: Work, parts: Sequence[Part | VectorsPart]) -> list[Path]:
    """Returns the shards of parts; those that no earlier build wrote are embedded."""
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


def _skipped(counts: Counts) -> dict[str, int]:
    found: dict[str, int] = {}
    for (_, _, reason), number in counts.dropped.items():
        found[reason] = found.get(reason, 0) + number
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
