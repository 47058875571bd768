"""What only the whole corpus can tell of captions and images: files send what they have, buckets return convictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam

from components.pair_filter.config import FilterConfig
from components.pair_filter.describe_pass import read_facts
from components.pair_filter.evidence import Convicted, Entry, FileEvidence, caption_key, convict, image_key, limits
from components.pair_filter.tasks import FileTask
from components.schema import TRAIN_SPLIT


class GatherEvidence(beam.DoFn):
    """(file, task) -> (bucket, (file, entries)): what a file knows, one element a bucket."""

    def __init__(self, config: FilterConfig, buckets: int) -> None:
        self._config = config
        self._buckets = buckets

    def process(self, element: tuple[int, FileTask]) -> Iterator[tuple[int, tuple[int, list[Entry]]]]:
        file, task = element
        facts = read_facts(task, "sha256", "captions")
        evidence = FileEvidence(limits(self._config))
        place = 0
        for row, (sha256, captions) in enumerate(zip(facts.sha256, facts.captions, strict=True)):
            image = image_key(sha256)
            keys = [caption_key(text) for text in captions]
            if task.split == TRAIN_SPLIT:
                for caption in keys:
                    evidence.witness(image, caption)
                    evidence.witness(caption, image)
            if task.split in self._config.splits:
                evidence.ask(image, row)
                for caption in keys:
                    evidence.ask(caption, place)
                    place += 1
        for bucket, entries in evidence.batches(self._buckets):
            yield bucket, (file, entries)


class ConvictBucket(beam.DoFn):
    """(bucket, [(file, entries)]) -> (file, its convicted places by kind)."""

    def __init__(self, config: FilterConfig) -> None:
        self._limits = limits(config)

    def process(self, element: tuple[int, Iterable[tuple[int, list[Entry]]]]) -> Iterator[tuple[int, list[Convicted]]]:
        _, batches = element
        yield from convict(batches, self._limits)
