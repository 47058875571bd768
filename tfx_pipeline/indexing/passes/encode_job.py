"""The Beam job that makes segments of embedding shards: a group of shards in, a segment with its codes out."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import apache_beam as beam

from components.beam import whole_files
from serving.search.stores.segments.bulk import encode_group
from serving.search.stores.segments.manifest import Entry, entry_of


class EncodeGroup(beam.DoFn):
    """Write the segment of a group of shards, and what the manifest is to say of it."""

    def __init__(self, folder: Path, said: Path, dimension: int) -> None:
        self._folder, self._said, self._dimension = folder, said, dimension

    def process(self, element: tuple[int, list[Path]]) -> Iterator[None]:
        number, shards = element
        entry = encode_group(self._folder, shards, self._dimension)
        whole_files.write_json(str(self._said / f"{number:06}.json"), asdict(entry))
        yield from ()


def run_encoding(
    make_pipeline: Callable[[], beam.Pipeline], folder: Path, groups: Sequence[Sequence[Path]], dimension: int
) -> list[Entry]:
    """Write a segment for each group of shards into a store's folder, whose manifest does not name them yet.

    Args:
      make_pipeline: makes the pipeline in which the job runs.
      folder: of the store, which all workers reach.
      groups: shards that hold a row or more.
      dimension: D.

    Returns:
      the segments, group by group.
    """
    said = folder / f".encoded-{uuid.uuid4().hex}"
    try:
        with make_pipeline() as pipeline:
            _ = (
                pipeline
                | "Groups" >> beam.Create([(number, list(group)) for number, group in enumerate(groups)])
                | "Spread" >> beam.Reshuffle()
                | "Encode" >> beam.ParDo(EncodeGroup(folder, said, dimension))
            )
        return [entry_of(json.loads(path.read_bytes())) for path in sorted(said.glob("*.json"))]
    finally:
        whole_files.remove_folder(str(said))
