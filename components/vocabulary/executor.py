"""Counts the words of the train split's captions in Beam, then learns the word pieces from the counts in this process.

Each file counts its own words and sends each bucket of words one batch; a bucket adds up and writes its counts aside.
What is learnt from is read back from there: counts of distinct words, never captions.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from components import example_files, schema
from components.artifacts import VOCABULARY_FILE, VOCABULARY_REPORT_FILE
from components.caption_table import read_captions
from components.publishing import split_folder
from components.vocabulary.config import RESERVED_TOKENS, VocabularyConfig
from components.vocabulary.counts import WordCounts, by_bucket, count_words, least_count
from components.vocabulary.coverage import measure_coverage
from components.vocabulary.learner import learn_pieces

MAX_BUCKETS = 1024
MIN_BUCKETS = 16


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
          input_dict: "captions" (Captions).
          output_dict: "vocabulary" (Vocabulary).
          exec_properties: "vocabulary_config", a VocabularyConfig as JSON.

        Raises:
          ValueError: where the captions hold no word that is frequent enough.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = VocabularyConfig(**json.loads(exec_properties["vocabulary_config"]))
        captions = artifact_utils.get_single_instance(input_dict["captions"])
        vocabulary = artifact_utils.get_single_instance(output_dict["vocabulary"])
        files = example_files.list_folder(posixpath.join(captions.uri, split_folder(schema.TRAIN_SPLIT)))
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
        if config.file is not None:
            pieces, least = read_pieces(config.file), 1
        else:
            pieces, least = learn_from_counts(aside, buckets, config)
        by_language = read_bucket(aside, 0).captions
        coverage = measure_coverage(pieces, read_words(aside, buckets), by_language, least)
        example_files.write_json(posixpath.join(vocabulary.uri, VOCABULARY_REPORT_FILE), coverage.to_json())
        example_files.write_text(posixpath.join(vocabulary.uri, VOCABULARY_FILE), "\n".join(pieces) + "\n")
        vocabulary.set_int_custom_property("pieces", coverage.pieces)
        example_files.clear_aside(vocabulary)


def read_pieces(path: str) -> list[str]:
    """Returns the pieces of a vocabulary that is given; raises ValueError where it is none."""
    if not tf.io.gfile.exists(path):
        raise ValueError(f"vocabulary.file is {path!r}, which does not exist; name a vocab.txt, or null to learn one")
    with tf.io.gfile.GFile(path) as file:
        pieces = file.read().removesuffix("\n").split("\n")
    if pieces[0] != RESERVED_TOKENS[0]:
        raise ValueError(
            f"vocabulary.file is {path!r}, whose first piece is {pieces[0]!r} and not {RESERVED_TOKENS[0]!r}, which "
            "the text tower takes for padding; name a word-piece vocabulary"
        )
    return pieces


def learn_from_counts(aside: str, buckets: int, config: VocabularyConfig) -> tuple[list[str], int]:
    """Returns the pieces that the counted words teach, and the least count of those words."""
    every = (count for _, count in read_totals(aside, buckets))
    least = least_count(every, config.min_word_count, config.max_distinct_words)
    frequent = {word: count for word, count in read_totals(aside, buckets) if count >= least}
    if not frequent:
        raise ValueError(
            f"the captions of the split {schema.TRAIN_SPLIT!r} hold no word to learn from: none is seen {least} "
            f"times, with vocabulary.min_word_count = {config.min_word_count} and max_distinct_words = "
            f"{config.max_distinct_words}; lower the first, raise the second, or check ingest.captions"
        )
    return learn_pieces(frequent, config), least


class CountWords(beam.DoFn):
    """Table of captions -> (bucket, counts)."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets

    def process(self, path: str) -> Iterator[tuple[int, WordCounts]]:
        yield from by_bucket(count_words(read_captions(example_files.read_bytes(path))), self._buckets)


class AddUpBucket(beam.DoFn):
    """(bucket, counts of each file) -> a file of the bucket's counts."""

    def __init__(self, aside: str) -> None:
        self._aside = aside

    def process(self, element: tuple[int, Iterable[WordCounts]]) -> None:
        bucket, parts = element
        counts = WordCounts()
        for part in parts:
            counts.add(part)
        content = {"captions": counts.captions, "words": counts.words}
        example_files.write_text(_bucket_path(self._aside, bucket), json.dumps(content, ensure_ascii=False))


def read_words(aside: str, buckets: int) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield each distinct word with its count in each language, holding one bucket at a time."""
    for bucket in range(buckets):
        yield from read_bucket(aside, bucket).by_word()


def read_totals(aside: str, buckets: int) -> Iterator[tuple[str, int]]:
    """Yield each distinct word with its count in all languages."""
    for word, times in read_words(aside, buckets):
        yield word, sum(times.values())


def read_bucket(aside: str, bucket: int) -> WordCounts:
    """Returns what a bucket was given, which may be nothing."""
    path = _bucket_path(aside, bucket)
    if not tf.io.gfile.exists(path):
        return WordCounts()
    with tf.io.gfile.GFile(path) as file:
        return WordCounts(**json.loads(file.read()))


def _bucket_path(aside: str, bucket: int) -> str:
    return posixpath.join(aside, f"words-{bucket:04d}.json")
