"""The Beam job that makes segments of embedding shards: groups of shards in, a segment of each with its codes out."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import apache_beam as beam
import numpy as np

from components.beam import whole_files
from serving.search.shards.files import shard_facts
from serving.search.stores.segments.bulk import alike, encode_group, sampled, trained_on
from serving.search.stores.segments.codes import SAMPLED_A_LIST, Sizes
from serving.search.stores.segments.manifest import Entry, entry_of
from serving.search.stores.segments.product_codes import ProductCoder


class Sample(beam.DoFn):
    """Yield a share of the vectors of a shard, behind its number."""

    def __init__(self, share: float, dimension: int) -> None:
        self._share, self._dimension = share, dimension

    def process(self, element: tuple[int, Path]) -> Iterator[tuple[int, np.ndarray]]:
        number, shard = element
        yield number, sampled(shard, self._share, self._dimension)


class Train(beam.DoFn):
    """Train the codes of all groups that are alike on the samples of their shards."""

    def __init__(self, lists: int) -> None:
        self._lists = lists

    def process(self, element: tuple[None, Iterable[tuple[int, np.ndarray]]]) -> Iterator[ProductCoder]:
        _, samples = element
        yield trained_on([vectors for _, vectors in sorted(samples, key=lambda sample: sample[0])], self._lists)


class EncodeGroup(beam.DoFn):
    """Write the segment of a group of shards, and what the manifest is to say of it."""

    def __init__(self, folder: Path, said: Path, dimension: int, sizes: Sizes | None) -> None:
        self._folder, self._said, self._dimension, self._sizes = folder, said, dimension, sizes

    def process(self, element: tuple[int, list[Path]], coder: ProductCoder | None = None) -> Iterator[None]:
        number, shards = element
        entry = encode_group(self._folder, shards, self._dimension, self._sizes, coder=coder)
        whole_files.write_json(str(self._said / f"{number:06}.json"), asdict(entry))
        yield from ()


def run_encoding(
    make_pipeline: Callable[[], beam.Pipeline],
    folder: Path,
    groups: Sequence[Sequence[Path]],
    dimension: int,
    sizes: Sizes | None = None,
) -> list[Entry]:
    """Write a segment for each group of shards into a store's folder, whose manifest does not name them yet.

    Groups that are alike share codes that one worker trains on a sample of all; others have their own.

    Args:
      make_pipeline: makes the pipeline in which the job runs.
      folder: of the store, which all workers reach.
      groups: shards that hold a row or more.
      dimension: D.
      sizes: which codes the segments get.

    Returns:
      the segments, group by group.
    """
    said = folder / f".encoded-{uuid.uuid4().hex}"
    encode = EncodeGroup(folder, said, dimension, sizes)
    shared, lists = alike(groups, sizes)
    others = [number for number in range(len(groups)) if number not in shared]
    try:
        with make_pipeline() as pipeline:
            if others:
                _ = _spread(pipeline, groups, others, "") | "Encode" >> beam.ParDo(encode)
            if shared:
                coder = beam.pvalue.AsSingleton(
                    _trained(pipeline, [groups[number] for number in shared], lists, dimension)
                )
                _ = _spread(pipeline, groups, shared, "Alike") | "EncodeAlike" >> beam.ParDo(encode, coder)
        return [entry_of(json.loads(path.read_bytes())) for path in sorted(said.glob("*.json"))]
    finally:
        whole_files.remove_folder(str(said))


def _spread(
    pipeline: beam.Pipeline, groups: Sequence[Sequence[Path]], numbers: Sequence[int], name: str
) -> beam.PCollection[tuple[int, list[Path]]]:
    chosen = [(number, list(groups[number])) for number in numbers]
    return pipeline | f"{name}Groups" >> beam.Create(chosen) | f"{name}Spread" >> beam.Reshuffle()


def _trained(
    pipeline: beam.Pipeline, groups: Sequence[Sequence[Path]], lists: int, dimension: int
) -> beam.PCollection[ProductCoder]:
    """Returns the codes of groups, trained on as large a sample of all as one segment is trained on."""
    shards = [shard for group in groups for shard in group]
    share = min(1.0, SAMPLED_A_LIST * lists / sum(shard_facts(shard).rows for shard in shards))
    return (
        pipeline
        | "Shards" >> beam.Create(list(enumerate(shards)))
        | "SpreadShards" >> beam.Reshuffle()
        | "Sample" >> beam.ParDo(Sample(share, dimension))
        | "Together" >> beam.GroupBy(lambda sample: None)
        | "Train" >> beam.ParDo(Train(lists))
    )
