"""The filter's first pass: each file sends what it knows to buckets, which return the marks of what they convict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import apache_beam as beam
import tensorflow as tf

from components import example_files, schema
from components.pair_filter.config import FilterConfig
from components.pair_filter.evidence import (
    Entry,
    FileEvidence,
    caption_key,
    convict,
    copy_mark,
    image_key,
    limits,
    pixels_key,
)
from components.pair_filter.features import bytes_of, caption_texts, image_facts
from components.pair_filter.pixels import pixel_digest
from components.pair_filter.rules import passes_by_size


@dataclass(frozen=True)
class FileTask:
    """One file of Examples.

    Attributes:
      index: its number among all files of the job.
      split: the split that it belongs to.
      source: path to read.
      target: path to write.
    """

    index: int
    split: str
    source: str
    target: str


class GatherEvidence(beam.DoFn):
    """(file, task) -> (bucket, (file, entries)): what a file knows, one element a bucket."""

    def __init__(self, config: FilterConfig, buckets: int) -> None:
        self._config = config
        self._buckets = buckets

    def process(self, element: tuple[int, FileTask]) -> Iterator[tuple[int, tuple[int, list[Entry]]]]:
        file, task = element
        steps = _steps(task.split, self._config)
        evidence = FileEvidence(limits(self._config))
        for payload in example_files.read_payloads(task.source) if steps else ():
            features = tf.train.Example.FromString(payload).features.feature
            captions = {caption_key(text) for text in caption_texts(features)}
            record = _Record(features, image_key(bytes_of(features, schema.IMAGE_SHA256)), captions)
            for step in steps:
                step(record, evidence, self._config)
        for bucket, entries in evidence.batches(self._buckets):
            yield bucket, (file, entries)


@dataclass(frozen=True)
class _Record:
    """One Example with the keys of its image and captions."""

    features: Mapping
    image: bytes
    captions: set[bytes]


_Step = Callable[[_Record, FileEvidence, FilterConfig], None]


def _steps(split: str, config: FilterConfig) -> list[_Step]:
    """Returns what each record of a split has to say and to ask."""
    steps: list[_Step] = []
    finds_copies = config.drop_evaluation_images and schema.TRAIN_SPLIT in config.splits
    if split == schema.TRAIN_SPLIT:
        steps += [_witness_pairs] + [_ask_for_copies] * finds_copies
    elif finds_copies:
        steps += [_witness_pixels]
    if split in config.splits:
        steps += [_ask_for_pairs]
    return steps


def _witness_pairs(record: _Record, evidence: FileEvidence, _: FilterConfig) -> None:
    for caption in record.captions:
        evidence.witness(record.image, caption)
        evidence.witness(caption, record.image)


def _ask_for_pairs(record: _Record, evidence: FileEvidence, _: FilterConfig) -> None:
    evidence.ask(record.image, record.image)
    for caption in record.captions:
        evidence.ask(caption, caption)


def _witness_pixels(record: _Record, evidence: FileEvidence, _: FilterConfig) -> None:
    evidence.witness(pixels_key(pixel_digest(bytes_of(record.features, schema.IMAGE_ENCODED))), b"")


def _ask_for_copies(record: _Record, evidence: FileEvidence, config: FilterConfig) -> None:
    if passes_by_size(image_facts(record.features, frozenset()), config):
        pixels = pixels_key(pixel_digest(bytes_of(record.features, schema.IMAGE_ENCODED)))
        evidence.ask(pixels, copy_mark(bytes_of(record.features, schema.IMAGE_SHA256)))


class ConvictBucket(beam.DoFn):
    """(bucket, [(file, entries)]) -> (file, marks)."""

    def __init__(self, config: FilterConfig) -> None:
        self._limits = limits(config)

    def process(self, element: tuple[int, Iterable[tuple[int, list[Entry]]]]) -> Iterator[tuple[int, set[bytes]]]:
        _, batches = element
        yield from convict(batches, self._limits).items()
