"""Second pass: blocks of images meet all shards of their split, and each shard adds up what its own asked and found.

A worker holds the images of a block, a shard of captions, and their similarities a chunk at a time.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam

from components.evaluator.metrics.ranking import Floats
from components.evaluator.sharded.counting import Count, count_classes, count_pair
from components.evaluator.sharded.passes.shard_files import Shard, read_captions, read_images, read_known
from components.evaluator.sharded.sums import Facts, Tally, tally_shard

IMAGES_PER_BLOCK = 4096
ASKED, FOUND = "asked", "found"


Key = tuple[str, int, str]  # a split, the number of a model, the path of a shard


class Block(NamedTuple):
    """Images that ask, in shards, and the shards of the whole split, as one model sees them."""

    split: str
    model: int
    asking: Sequence[Shard]
    gallery: Sequence[Shard]


class Classes(NamedTuple):
    """The classes that images are told apart by: their labels in order, and [K, D] what they ask with."""

    labels: Sequence[str]
    embedding: Floats


def plan(shards_of: tuple[str, Iterable[Shard]], models: int, images_per_block: int) -> Iterator[Block]:
    """Yield the blocks of a split for each model.

    Args:
      shards_of: a split and its shards.
      models: how many there are.
      images_per_block: a block is full with so many.
    """
    split, shards = shards_of
    gallery = tuple(sorted(shards))
    blocks: list[list[Shard]] = [[]]
    for shard in gallery:
        if sum(each.images for each in blocks[-1]) >= images_per_block:
            blocks.append([])
        blocks[-1].append(shard)
    for model in range(models):
        for block in blocks:
            yield Block(split, model, tuple(block), gallery)


class RankBlock(beam.DoFn):
    """A block -> ((split, model, path of a shard), (ASKED or FOUND, counts)).

    What the images of a shard asked is whole; what its captions found comes in parts, from each block.
    """

    def process(self, block: Block) -> Iterator[tuple[Key, tuple[str, Count]]]:
        split, model, shards, gallery = block
        asking = {shard: read_images(shard.path, model) for shard in shards}
        asked: dict[Shard, Count] = {}
        for searched in gallery:
            captions = read_captions(searched.path, model)
            found = []
            for shard, images in asking.items():
                here, there = count_pair(images, captions)
                asked[shard] = asked[shard] + here if shard in asked else here
                found.append(there)
            yield (split, model, searched.path), (FOUND, functools.reduce(Count.__add__, found))
        for shard, count in asked.items():
            yield (split, model, shard.path), (ASKED, count)


class AddUpCounts(beam.CombineFn):
    """(ASKED or FOUND, counts) -> the sums of each."""

    def create_accumulator(self) -> dict[str, Count]:
        return {}

    def add_input(self, accumulator: dict[str, Count], element: tuple[str, Count]) -> dict[str, Count]:
        kind, count = element
        accumulator[kind] = accumulator[kind] + count if kind in accumulator else count
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[dict[str, Count]]) -> dict[str, Count]:
        merged: dict[str, Count] = {}
        for accumulator in accumulators:
            for element in accumulator.items():
                self.add_input(merged, element)
        return merged

    def extract_output(self, accumulator: dict[str, Count]) -> dict[str, Count]:
        return accumulator


class TallyShard(beam.DoFn):
    """((split, model, shard), its counts) -> ((split, model), what it scores)."""

    def process(
        self,
        element: tuple[Key, dict[str, Count]],
        facts: Mapping[str, Facts],
        classes: Mapping[int, Classes],
    ) -> Iterator[tuple[tuple[str, int], Tally]]:
        (split, model, path), counts = element
        images, captions, known = read_images(path, model), read_captions(path, model), read_known(path)
        named = None
        if model in classes:
            named = count_classes(images.embedding, known.labels, *classes[model])
        both = counts[ASKED], counts[FOUND]
        yield (split, model), tally_shard(images, captions, known, both, named, facts[split].slices)


class AddUp(beam.CombineFn):
    """Facts or tallies -> their sum."""

    def __init__(self, kind: type[Facts] | type[Tally]) -> None:
        self._kind = kind

    def create_accumulator(self) -> Any:
        return self._kind()

    def add_input(self, accumulator: Any, element: Any) -> Any:
        accumulator.add(element)
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[Any]) -> Any:
        merged = self._kind()
        for accumulator in accumulators:
            merged.add(accumulator)
        return merged

    def extract_output(self, accumulator: Any) -> Any:
        return accumulator
