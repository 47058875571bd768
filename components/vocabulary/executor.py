"""Counts the words of the train split's captions in Beam, then learns the word pieces from the counts in this process.

What is learnt from is read back from where the job left it: counts of distinct words, never captions.
"""

from __future__ import annotations

import json
import posixpath
from typing import Any

import apache_beam as beam
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components import schema
from components.artifact_files import VOCABULARY_FILE, VOCABULARY_REPORT_FILE, split_folder
from components.beam import whole_files
from components.config_fields import build_fields
from components.example_artifacts import Artifacts
from components.files.publishing import aside_folder, clear_aside
from components.vocabulary.config import RESERVED_TOKENS, VocabularyConfig
from components.vocabulary.counting.counts import least_count
from components.vocabulary.counting.coverage import measure_coverage
from components.vocabulary.passes.count_pass import AddUpBucket, CountWords, read_bucket, read_totals, read_words
from components.vocabulary.word_pieces import learn_pieces

MAX_BUCKETS = 1024
MIN_BUCKETS = 16


class Executor(base_beam_executor.BaseBeamExecutor):
    """Learn word pieces from the captions of the train split."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the vocabulary and its report.

        Args:
          input_dict: "captions" (Captions).
          output_dict: "vocabulary" (Vocabulary).
          exec_properties: "vocabulary_config", a VocabularyConfig as JSON.

        Raises:
          ValueError: where the captions hold no word that is frequent enough.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = build_fields(VocabularyConfig, json.loads(exec_properties["vocabulary_config"]), "vocabulary")
        captions = artifact_utils.get_single_instance(input_dict["captions"])
        vocabulary = artifact_utils.get_single_instance(output_dict["vocabulary"])
        files = whole_files.list_folder(posixpath.join(captions.uri, split_folder(schema.TRAIN_SPLIT)))
        buckets = min(max(len(files), MIN_BUCKETS), MAX_BUCKETS)
        aside = aside_folder(vocabulary.uri)
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
        whole_files.write_json(posixpath.join(vocabulary.uri, VOCABULARY_REPORT_FILE), coverage.to_json())
        whole_files.write_text(posixpath.join(vocabulary.uri, VOCABULARY_FILE), "\n".join(pieces) + "\n")
        vocabulary.set_int_custom_property("pieces", coverage.pieces)
        clear_aside(vocabulary.uri)


def read_pieces(path: str) -> list[str]:
    """Returns the pieces of a vocabulary that is given; raises ValueError where it is none."""
    if not whole_files.exists(path):
        raise ValueError(f"vocabulary.file is {path!r}, which does not exist; name a vocab.txt, or null to learn one")
    pieces = whole_files.read_bytes(path).decode().removesuffix("\n").split("\n")
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
