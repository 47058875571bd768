"""Counts the words of the train split in Beam, then learns the word pieces from the counts in this process.

Each file counts its own words and sends each bucket of words one batch; a bucket adds up and writes its counts aside.
What is learnt from is read back from there: counts of distinct words, never captions.
"""

from __future__ import annotations

import json
import posixpath
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from components import example_files, schema
from components.artifacts import VOCABULARY_FILE, VOCABULARY_REPORT_FILE
from components.vocabulary.config import VocabularyConfig
from components.vocabulary.learner import learn_pieces, measure_coverage
from components.vocabulary.words import split_words

MAX_BUCKETS = 1024
MIN_BUCKETS = 16


class WordCounts(NamedTuple):
    """Words with their counts, and the captions that were counted along with them."""

    captions: int
    words: dict[str, int]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Learn word pieces from the captions of the train split."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the vocabulary and its report.

        Args:
          input_dict: "examples" (Examples).
          output_dict: "vocabulary" (Vocabulary).
          exec_properties: "vocabulary_config", a VocabularyConfig as JSON.

        Raises:
          ValueError: where the captions hold no word that is frequent enough.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = VocabularyConfig(**json.loads(exec_properties["vocabulary_config"]))
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        vocabulary = artifact_utils.get_single_instance(output_dict["vocabulary"])
        files = example_files.list_files(examples, schema.TRAIN_SPLIT)
        buckets = min(max(len(files), MIN_BUCKETS), MAX_BUCKETS)
        aside = example_files.aside_folder(vocabulary)
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Files" >> beam.Create(files)
                | "Spread" >> beam.Reshuffle()
                | "Count" >> beam.ParDo(CountWords(buckets))
                | "Buckets" >> beam.GroupByKey()
                | "AddUp" >> beam.ParDo(AddUpBucket(aside))
            )
        frequent = {word: count for word, count in read_words(aside, buckets) if count >= config.min_word_count}
        if not frequent:
            raise ValueError(
                f"the captions of the split {schema.TRAIN_SPLIT!r} hold no word that is seen at least "
                f"vocabulary.min_word_count = {config.min_word_count} times; lower it or check ingest.captions"
            )
        pieces = learn_pieces(frequent, config)
        captions = sum(read_bucket(aside, bucket).captions for bucket in range(buckets))
        coverage = measure_coverage(pieces, read_words(aside, buckets), captions)
        example_files.write_json(posixpath.join(vocabulary.uri, VOCABULARY_REPORT_FILE), coverage.to_json())
        example_files.write_text(posixpath.join(vocabulary.uri, VOCABULARY_FILE), "\n".join(pieces) + "\n")
        vocabulary.set_int_custom_property("pieces", coverage.pieces)
        example_files.clear_aside(vocabulary)


class CountWords(beam.DoFn):
    """File of Examples -> (bucket, counts)."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets

    def process(self, path: str) -> Iterator[tuple[int, WordCounts]]:
        words: Counter[str] = Counter()
        captions = 0
        for payload in example_files.read_payloads(path):
            for text in tf.train.Example.FromString(payload).features.feature[schema.CAPTION_TEXT].bytes_list.value:
                words.update(split_words(text.decode("utf-8", "replace")))
                captions += 1
        by_bucket: dict[int, dict[str, int]] = defaultdict(dict)
        for word, count in words.items():
            by_bucket[zlib.crc32(word.encode()) % self._buckets][word] = count
        yield 0, WordCounts(captions, {})
        for bucket, counted in by_bucket.items():
            yield bucket, WordCounts(0, counted)


class AddUpBucket(beam.DoFn):
    """(bucket, counts of each file) -> a file of the bucket's counts."""

    def __init__(self, aside: str) -> None:
        self._aside = aside

    def process(self, element: tuple[int, Iterable[WordCounts]]) -> None:
        bucket, parts = element
        captions, words = 0, Counter[str]()
        for part in parts:
            captions += part.captions
            words.update(part.words)
        example_files.write_json(_bucket_path(self._aside, bucket), {"captions": captions, "words": words})


def read_words(aside: str, buckets: int) -> Iterator[tuple[str, int]]:
    """Yield each distinct word with its count, holding one bucket at a time."""
    for bucket in range(buckets):
        yield from read_bucket(aside, bucket).words.items()


def read_bucket(aside: str, bucket: int) -> WordCounts:
    """Returns what a bucket was given, which may be nothing."""
    path = _bucket_path(aside, bucket)
    if not tf.io.gfile.exists(path):
        return WordCounts(0, {})
    with tf.io.gfile.GFile(path) as file:
        return WordCounts(**json.loads(file.read()))


def _bucket_path(aside: str, bucket: int) -> str:
    return posixpath.join(aside, f"words-{bucket:04d}.json")
