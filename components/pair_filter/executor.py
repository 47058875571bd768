"""Moves Examples through the rules in two passes over their files, which are the grain of parallelism.

1. Each file of the train split, and of the others where they matter, says what it knows of captions, images and pixels;
   `first_pass` finds the keys that are over their limits and returns them to the files that asked.
2. Each file is read again, judged record by record with the marks that were returned to it, and written.

Only digests are shuffled between workers, never an image. The kept Examples stand in the order of the input, file by
file, so the same input gives the same files.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from components import example_files, schema
from components.artifacts import FILTER_REPORT_FILE
from components.counts import CAPTIONS, IMAGES, Counts, merge
from components.pair_filter.config import FilterConfig
from components.pair_filter.evidence import caption_key
from components.pair_filter.features import bytes_of, caption_texts, image_facts
from components.pair_filter.first_pass import ConvictBucket, FileTask, GatherEvidence
from components.pair_filter.rules import RULES, CaptionFacts, Verdict, describe_rules, judge

MAX_BUCKETS = 4096  # 1.8 billion pairs then give each bucket about half a million keys
MIN_BUCKETS = 16


class Executor(base_beam_executor.BaseBeamExecutor):
    """Filter all splits and report what each rule dropped."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the filtered Examples and the report.

        Args:
          input_dict: "unfiltered_examples" (Examples).
          output_dict: "examples" (Examples) and "report" (FilterReport).
          exec_properties: "filter", a FilterConfig as JSON.

        Raises:
          ValueError: where a split to filter does not exist, or nothing is left to train on.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = parse_config(exec_properties["filter"])
        source = artifact_utils.get_single_instance(input_dict["unfiltered_examples"])
        target = artifact_utils.get_single_instance(output_dict["examples"])
        report = artifact_utils.get_single_instance(output_dict["report"])
        splits = example_files.split_names(source)
        refuse_unknown_splits(config, splits)
        example_files.describe(target, splits)
        tasks = plan(source, target)
        with self._make_beam_pipeline() as pipeline:
            _ = (
                filter_files(pipeline, tasks, config, example_files.aside_folder(target))
                | "AddUp" >> beam.CombineGlobally(merge)
                | "HandOver" >> beam.ParDo(example_files.HandOverCounts(report))
            )
        counts = example_files.collect_counts(report)
        example_files.clear_aside(target, report)
        example_files.write_json(
            posixpath.join(report.uri, FILTER_REPORT_FILE),
            {
                "rules": describe_rules(config),
                "splits": {
                    split: {"filtered": split in config.splits, **tallies}
                    for split, tallies in counts.report_splits(splits).items()
                },
                "samples": counts.report_samples(),
            },
        )
        for name, total in counts.totals().items():
            report.set_int_custom_property(name, total)
        refuse_empty_train(counts, config)


def parse_config(text: str) -> FilterConfig:
    """Returns the FilterConfig that the component wrote as JSON."""
    fields = json.loads(text)
    return FilterConfig(**{**fields, "splits": tuple(fields["splits"])})


def plan(source: Artifact, target: Artifact) -> list[FileTask]:
    """Pair each file to read with the file to write."""
    tasks: list[FileTask] = []
    for split in example_files.split_names(source):
        paths = example_files.list_files(source, split)
        folder = artifact_utils.get_split_uri([target], split)
        for number, path in enumerate(paths):
            written = posixpath.join(folder, example_files.file_name(number, len(paths)))
            tasks.append(FileTask(len(tasks), split, path, written))
    return tasks


def filter_files(
    pipeline: beam.Pipeline, tasks: list[FileTask], config: FilterConfig, aside: str
) -> beam.PCollection[Counts]:
    """Write each task's file, filtered; returns the counts of each."""
    buckets = min(max(len(tasks), MIN_BUCKETS), MAX_BUCKETS)
    files = pipeline | "Files" >> beam.Create([(task.index, task) for task in tasks])
    verdicts = (
        files
        | "Spread" >> beam.Reshuffle()
        | "Gather" >> beam.ParDo(GatherEvidence(config, buckets))
        | "Buckets" >> beam.GroupByKey()
        | "Convict" >> beam.ParDo(ConvictBucket(config))
    )
    return (
        {"files": files, "verdicts": verdicts}
        | "Join" >> beam.CoGroupByKey()
        | "Judge" >> beam.ParDo(FilterFile(config, aside))
    )


class FilterFile(beam.DoFn):
    """(file, its task and marks) -> its counts; writes what is kept."""

    def __init__(self, config: FilterConfig, aside: str) -> None:
        self._config = config
        self._aside = aside

    def process(self, element: tuple[int, dict[str, list]]) -> Iterator[Counts]:
        _, joined = element
        (task,) = joined["files"]
        marks = frozenset().union(*joined["verdicts"])
        is_filtered = task.split in self._config.splits
        counts = Counts()
        with example_files.writing(task.target, self._aside) as write:
            for payload in example_files.read_payloads(task.source):
                example = tf.train.Example.FromString(payload)
                features = example.features.feature
                texts = caption_texts(features)
                counts.read[task.split, IMAGES] += 1
                counts.read[task.split, CAPTIONS] += len(texts)
                verdict = Verdict(None, (None,) * len(texts))
                if is_filtered:
                    captions = [CaptionFacts(text, caption_key(text) in marks) for text in texts]
                    verdict = judge(image_facts(features, marks), captions, self._config)
                _count(verdict, len(texts), task.split, bytes_of(features, schema.RECORD_NAME).decode(), counts)
                if verdict.image:
                    continue
                write(_without(example, verdict) if any(verdict.captions) else payload)
        yield counts


def _count(verdict: Verdict, captions: int, split: str, name: str, counts: Counts) -> None:
    if verdict.image:
        counts.drop(split, IMAGES, verdict.image.rule, name, verdict.image.detail)
        if not verdict.captions:  # a rule on images took them along
            counts.dropped[split, CAPTIONS, verdict.image.rule] += captions
    else:
        counts.kept[split, IMAGES] += 1
    for dropped in verdict.captions:
        if dropped:
            counts.drop(split, CAPTIONS, dropped.rule, name, dropped.detail)
        else:
            counts.kept[split, CAPTIONS] += 1


def _without(example: tf.train.Example, verdict: Verdict) -> bytes:
    """Returns the serialized Example without its dropped captions."""
    for name in (schema.CAPTION_TEXT, schema.CAPTION_LANGUAGE):
        values = example.features.feature[name].bytes_list.value
        values[:] = [value for value, dropped in zip(values, verdict.captions, strict=True) if not dropped]
    return example.SerializeToString(deterministic=True)


def refuse_unknown_splits(config: FilterConfig, splits: list[str]) -> None:
    """Raise ValueError where the config names a split that the Examples do not have."""
    for split in config.splits:
        if split not in splits:
            raise ValueError(f"filter.splits names {split!r}, which is no split of the data; it has {splits}")


def refuse_empty_train(counts: Counts, config: FilterConfig) -> None:
    """Raise ValueError where nothing is left to train on, naming the rule that dropped most and its field."""
    if counts.kept[schema.TRAIN_SPLIT, IMAGES]:
        return
    tally = counts.tally(schema.TRAIN_SPLIT, CAPTIONS)
    if not tally.read:
        raise ValueError(
            f"the split {schema.TRAIN_SPLIT!r} holds no pair before the filter; check what was ingested as it"
        )
    rule = max(RULES, key=lambda rule: tally.dropped.get(rule.name, 0))
    raise ValueError(
        f"the filter left none of the {tally.read} pairs of the split {schema.TRAIN_SPLIT!r}: {rule.name} dropped "
        f"most, {tally.dropped[rule.name]}; loosen filter.{rule.field}, which is {getattr(config, rule.field)}"
    )
