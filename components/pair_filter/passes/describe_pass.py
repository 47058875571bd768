"""First pass of the filter: each file is read once, and what later passes need of it is put aside.

An image is decoded only where its Example carries no fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
from apache_beam import pvalue

from components import schema
from components.beam import whole_files
from components.files import example_files
from components.files.tf_example import Example
from components.image_fingerprint import NOT_COMPARED
from components.pair_filter.config import FilterConfig
from components.pair_filter.copies.evaluation_images import Prints
from components.pair_filter.copies.fingerprint import fingerprint
from components.pair_filter.counting.evidence import caption_key, image_key
from components.pair_filter.counting.ngrams import occurrences
from components.pair_filter.counting.words import split_words
from components.pair_filter.judging.facts import Columns, FactsWriter, join_words, part_words
from components.pair_filter.judging.features import (
    bytes_of,
    caption_languages,
    caption_texts,
    carried_fingerprint,
    image_size,
)
from components.pair_filter.judging.rules import passes_by_size
from components.pair_filter.tasks import FileTask

PRINTS = "prints"
OCCURRENCES = "occurrences"
_RECORDS, _CAPTIONS = ".records", ".captions"  # endings of the two tables that are aside of a file


class DescribeFile(beam.DoFn):
    """(file, task) -> the same, once its facts are aside.

    Beside it, under PRINTS, the fingerprints of an evaluation file's images, and under OCCURRENCES the number of
    unigrams and bigrams in a training file's captions.
    """

    def __init__(self, config: FilterConfig) -> None:
        self._config = config

    def process(self, element: tuple[int, FileTask]) -> Iterator:
        _, task = element
        facts = FactsWriter()
        for payload in example_files.read_payloads(task.source):
            _describe(Example.FromString(payload).features.feature, task, facts, self._config)
        whole_files.write_bytes(task.facts + _RECORDS, facts.records())
        whole_files.write_bytes(task.facts + _CAPTIONS, facts.of_captions())
        yield element
        if task.split == schema.TRAIN_SPLIT:
            yield pvalue.TaggedOutput(OCCURRENCES, sum(occurrences(len(part_words(words))) for words in facts.words))
        elif self._config.compares_images:
            prints = Prints(task.split, _different(facts.pixels), _different(facts.perceptual))
            yield pvalue.TaggedOutput(PRINTS, prints)


def _describe(features, task: FileTask, facts: FactsWriter, config: FilterConfig) -> None:
    size = image_size(features)
    captions = caption_texts(features)
    is_compared = config.compares_images and (task.split != schema.TRAIN_SPLIT or passes_by_size(size, config))
    seen = NOT_COMPARED
    if is_compared:
        seen = carried_fingerprint(features) or fingerprint(bytes_of(features, schema.IMAGE_ENCODED))
    facts.name.append(bytes_of(features, schema.RECORD_NAME).decode("utf-8", "replace"))
    facts.width.append(size.width)
    facts.height.append(size.height)
    facts.image_key.append(image_key(bytes_of(features, schema.IMAGE_SHA256)))
    facts.captions.append(len(captions))
    facts.pixels.append(seen.pixels)
    facts.perceptual.append(seen.perceptual)
    facts.text += captions
    facts.language += caption_languages(features)
    facts.words += [join_words(split_words(text)) for text in captions]
    facts.caption_key += map(caption_key, captions)


def _different(values: Iterable[int | None]) -> np.ndarray:
    return np.unique(np.array([value for value in values if value is not None], np.uint64))


def read_records(task: FileTask) -> Columns:
    """Returns the table of a file's records that is aside."""
    return Columns(whole_files.read_bytes(task.facts + _RECORDS))


def read_captions(task: FileTask) -> Columns:
    """Returns the table of a file's captions that is aside."""
    return Columns(whole_files.read_bytes(task.facts + _CAPTIONS))
