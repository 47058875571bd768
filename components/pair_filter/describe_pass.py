"""First pass of the filter: each file is read and decoded once, and what later passes need of it is put aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam import pvalue

from components import example_files, schema
from components.pair_filter.config import FilterConfig
from components.pair_filter.evaluation_images import EvaluationImages, Prints, collect
from components.pair_filter.facts import FileFacts, read_columns
from components.pair_filter.features import bytes_of, caption_texts, image_size
from components.pair_filter.fingerprint import Fingerprint, fingerprint
from components.pair_filter.ngrams import occurrences
from components.pair_filter.rules import passes_by_size
from components.pair_filter.tasks import FileTask
from components.pair_filter.words import split_words

PRINTS = "prints"
OCCURRENCES = "occurrences"
_NOT_COMPARED = Fingerprint(None, None)  # type: ignore[arg-type] # the columns have null there


class DescribeFile(beam.DoFn):
    """(file, task) -> the same, once its facts are aside.

    Beside it, under PRINTS, the fingerprints of an evaluation file's images, and under OCCURRENCES the number of
    unigrams and bigrams in a training file's captions.
    """

    def __init__(self, config: FilterConfig) -> None:
        self._config = config

    def process(self, element: tuple[int, FileTask]) -> Iterator:
        _, task = element
        facts = FileFacts()
        for payload in example_files.read_payloads(task.source):
            _describe(tf.train.Example.FromString(payload).features.feature, task, facts, self._config)
        example_files.write_bytes(task.facts, facts.to_bytes())
        yield element
        if task.split == schema.TRAIN_SPLIT:
            lengths = (len(words.split()) for of_image in facts.words for words in of_image)
            yield pvalue.TaggedOutput(OCCURRENCES, sum(map(occurrences, lengths)))
        elif self._config.compares_images:
            yield pvalue.TaggedOutput(
                PRINTS, Prints(task.split, _different(facts.pixels), _different(facts.perceptual))
            )


def _describe(features, task: FileTask, facts: FileFacts, config: FilterConfig) -> None:
    size = image_size(features)
    captions = caption_texts(features)
    is_compared = config.compares_images and (task.split != schema.TRAIN_SPLIT or passes_by_size(size, config))
    seen = fingerprint(bytes_of(features, schema.IMAGE_ENCODED)) if is_compared else _NOT_COMPARED
    facts.name.append(bytes_of(features, schema.RECORD_NAME).decode("utf-8", "replace"))
    facts.sha256.append(bytes_of(features, schema.IMAGE_SHA256))
    facts.width.append(size.width)
    facts.height.append(size.height)
    facts.captions.append(captions)
    facts.words.append([" ".join(split_words(text)) for text in captions])
    facts.pixels.append(seen.pixels)
    facts.perceptual.append(seen.perceptual)


def _different(values: Iterable[int | None]) -> np.ndarray:
    return np.unique(np.array([value for value in values if value is not None], np.uint64))


class CollectPrints(beam.CombineFn):
    """Prints of all evaluation files -> EvaluationImages."""

    def __init__(self, config: FilterConfig) -> None:
        self._max_distance = config.max_hash_distance

    def create_accumulator(self) -> list[Prints]:
        return []

    def add_input(self, accumulator: list[Prints], part: Prints) -> list[Prints]:
        return [*accumulator, part]

    def merge_accumulators(self, accumulators: Iterable[list[Prints]]) -> list[Prints]:
        return [part for accumulator in accumulators for part in accumulator]

    def extract_output(self, accumulator: list[Prints]) -> EvaluationImages:
        return collect(accumulator, self._max_distance)


def read_facts(task: FileTask, *names: str) -> FileFacts:
    """Read some columns of what is aside of a file."""
    return read_columns(example_files.read_bytes(task.facts), names)
