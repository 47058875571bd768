"""Gives the parts of `ingest` what `ingest.metadata` says of their records, by the join that a run does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import apache_beam as beam

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.passes.metadata import JoinMetadata
from components.pair_example_gen.tasks import Source
from tfx_pipeline.indexing.sources import IngestPart, Part, Task


@dataclass(frozen=True)
class _OfSource:
    """A task as JoinMetadata takes it."""

    source: Source
    part: IngestPart
    shard: str


def joining(parts: Iterable[Part]) -> beam.PTransform | None:
    """Returns a transform, Task -> Task, of parts that share one config; None where none has metadata."""
    part = next((each for each in parts if isinstance(each, IngestPart) and each.metadata), None)
    return _Join(part.config, part.metadata) if part else None


class _Join(beam.PTransform):
    def __init__(self, config: IngestConfig, metadata: Iterable[Source]) -> None:
        super().__init__()
        self._config, self._metadata = config, list(metadata)

    def expand(self, tasks: beam.PCollection) -> beam.PCollection:
        return (
            tasks
            | "ByPath" >> beam.Map(_by_path)
            | "Meet" >> JoinMetadata(self._config, self._metadata)
            | "Lay" >> beam.FlatMap(_with_rows)
        )


def _by_path(task: Task) -> tuple[str, _OfSource]:
    assert isinstance(task.part, IngestPart)
    return task.part.source.path, _OfSource(task.part.source, task.part, task.shard)


def _with_rows(element: tuple[str, tuple[Iterable[_OfSource], Iterable[tuple[bytes, dict]]]]) -> Iterator[Task]:
    _, (tasks, rows) = element
    found = dict(rows)
    for task in tasks:
        yield Task(replace(task.part, found=found), task.shard)
