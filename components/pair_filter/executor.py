"""Moves Examples through the rules, file by file: describe, find out what only the corpus can tell, judge and write.

1. `describe_pass` reads each file once, decodes what is to be compared, and puts its facts aside.
2. From the facts, files send buckets what they know (`evidence_pass`, `ngram_pass`), and buckets answer the files that
   asked. Configured models look at the images meanwhile (`scoring`).
3. `write_pass` judges each file by its facts and the answers, reads it again and writes what is kept.

Only digests, n-grams and numbers are shuffled between workers, never an image, and a key that is in every file costs
its bucket a few bytes a file. The kept Examples stand in the order of the input, file by file, so the same input gives
the same files.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from components import example_artifacts, example_files, schema, whole_files
from components.artifact_files import FILTER_REPORT_FILE
from components.counts import CAPTIONS, IMAGES, Counts, merge
from components.handover import HandOverCounts, collect_counts
from components.pair_filter import write_pass
from components.pair_filter.config import FilterConfig
from components.pair_filter.describe_pass import OCCURRENCES, PRINTS, CollectPrints, DescribeFile
from components.pair_filter.evidence_pass import ConvictBucket, GatherEvidence
from components.pair_filter.inputs import PAIRS, sets_among
from components.pair_filter.neighbour_search import FindNeighbours
from components.pair_filter.ngram_pass import FindRareNgrams, FindRareNgramsByBloomFilter
from components.pair_filter.rules import RULES, describe_rules
from components.pair_filter.scoring import ScoreImages
from components.pair_filter.tasks import FileTask
from components.pair_filter.write_pass import FilterFile
from components.publishing import draft_folder, publish

# 1.8 billion pairs then give each bucket about two million keys, and each n-gram bucket about one million n-grams of a
# file. Keys are few bytes, so that more buckets would mean more framing than content.
MAX_EVIDENCE_BUCKETS = 1024
MAX_NGRAM_BUCKETS = 16384
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
          input_dict: "unfiltered_examples" (Examples) and, where there are evaluation sets, of which no image may be in
            the train split, each one's Examples under its key of inputs.py.
          output_dict: "examples" (Examples), "rejects" (Examples, empty unless asked for), "captions" (Captions),
            "counts" (RecordCounts) and "report" (FilterReport).
          exec_properties: "filter", a FilterConfig as JSON.

        Raises:
          ValueError: where a split to filter does not exist, or nothing is left to train on.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = FilterConfig.from_json(exec_properties["filter"])
        source = artifact_utils.get_single_instance(input_dict[PAIRS])
        target = artifact_utils.get_single_instance(output_dict["examples"])
        rejects = artifact_utils.get_single_instance(output_dict["rejects"])
        captions = artifact_utils.get_single_instance(output_dict["captions"])
        record_counts = artifact_utils.get_single_instance(output_dict["counts"])
        report = artifact_utils.get_single_instance(output_dict["report"])
        splits = example_artifacts.split_names(source)
        refuse_unknown_splits(config, splits)
        example_artifacts.describe(target, splits)
        example_artifacts.describe(rejects, config.splits if config.keep_rejects else [])
        tasks = plan(source, target, rejects, captions, config)
        if config.compares_images:
            tasks += plan_evaluation(sets_among(input_dict), target, len(tasks))
        drafts = {split: draft_folder(record_counts, split) for split in splits}
        with self._make_beam_pipeline() as pipeline:
            filtered = filter_files(pipeline, tasks, config, example_artifacts.aside_folder(target))
            _ = (
                filtered.counts
                | "AddUp" >> beam.CombineGlobally(merge)
                | "HandOver" >> beam.ParDo(HandOverCounts(example_artifacts.aside_folder(report)))
            )
            _ = (
                filtered[write_pass.WRITTEN]
                | "Splits" >> beam.GroupByKey()
                | "HandOverRecordCounts" >> beam.ParDo(write_pass.HandOverRecordCounts(drafts))
            )
        counts = collect_counts(example_artifacts.aside_folder(report))
        publish(target, rejects, captions, record_counts, report)
        whole_files.write_json(
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


def plan(
    source: Artifact, target: Artifact, rejects: Artifact, captions: Artifact, config: FilterConfig
) -> list[FileTask]:
    """Pair each file to read with the files to write."""
    tasks: list[FileTask] = []
    for split in example_artifacts.split_names(source):
        paths = example_artifacts.list_files(source, split)
        for number, path in enumerate(paths):
            name = example_files.file_name(number, len(paths))
            is_train = split == schema.TRAIN_SPLIT
            is_rejecting = config.keep_rejects and split in config.splits
            tasks.append(
                FileTask(
                    index=len(tasks),
                    split=split,
                    source=path,
                    facts=_facts_path(target, len(tasks)),
                    target=posixpath.join(draft_folder(target, split), name),
                    rejects=posixpath.join(draft_folder(rejects, split), name) if is_rejecting else "",
                    captions=posixpath.join(draft_folder(captions, split), f"{name}.arrow") if is_train else "",
                )
            )
    return tasks


def plan_evaluation(sets: list[Artifact], target: Artifact, first: int) -> list[FileTask]:
    """Returns the files of the evaluation sets, which are only compared with, numbered from `first`."""
    sources = [
        (example_artifacts.evaluation_set(of), path)
        for of in sets
        for split in example_artifacts.split_names(of)
        for path in example_artifacts.list_files(of, split)
    ]
    return [
        FileTask(index, name, path, _facts_path(target, index)) for index, (name, path) in enumerate(sources, first)
    ]


def _facts_path(target: Artifact, index: int) -> str:
    return posixpath.join(example_artifacts.aside_folder(target), f"facts-{index:06d}.arrow")


def filter_files(
    pipeline: beam.Pipeline, tasks: list[FileTask], config: FilterConfig, aside: str
) -> pvalue.DoOutputsTuple:
    """Write each task's files; returns the outputs of FilterFile, its counts as "counts"."""
    buckets = max(len(tasks), MIN_BUCKETS)
    files = pipeline | "Files" >> beam.Create([(task.index, task) for task in tasks])
    spread = files | "Spread" >> beam.Reshuffle()
    described = spread | "Describe" >> beam.ParDo(DescribeFile(config)).with_outputs(PRINTS, OCCURRENCES, main="files")
    ours = described.files | "Ours" >> beam.Filter(lambda file: bool(file[1].target))
    evaluation = described[PRINTS] | "Prints" >> beam.CombineGlobally(CollectPrints(config))
    found = {
        write_pass.FILES: ours,
        write_pass.CONVICTED: ours
        | "Gather" >> beam.ParDo(GatherEvidence(config, min(buckets, MAX_EVIDENCE_BUCKETS)))
        | "Buckets" >> beam.GroupByKey()
        | "Convict" >> beam.ParDo(ConvictBucket(config)),
        **find_rare_ngrams(ours, described[OCCURRENCES], config, min(buckets, MAX_NGRAM_BUCKETS), aside),
        **ask_models(described.files, config, aside),
    }
    return (
        found
        | "Join" >> beam.CoGroupByKey()
        | "Write"
        >> beam.ParDo(FilterFile(config, aside), pvalue.AsSingleton(evaluation)).with_outputs(
            write_pass.WRITTEN, main="counts"
        )
    )


def find_rare_ngrams(
    files: beam.PCollection, occurrences: beam.PCollection, config: FilterConfig, buckets: int, aside: str
) -> Mapping[str, beam.PCollection]:
    """Returns the rare n-grams of each file, by name of the join; nothing where the rule is off."""
    if config.frequent_ngrams is None:
        return {}
    total = occurrences | "Occurrences" >> beam.CombineGlobally(sum)
    counting = config.splits, config.frequent_ngrams, buckets, total
    find: beam.PTransform = (
        FindRareNgrams(*counting)
        if config.ngram_false_positive_rate is None
        else FindRareNgramsByBloomFilter(*counting, config.ngram_false_positive_rate, aside)
    )
    return {write_pass.RARE: files | "Rare" >> find}


def ask_models(files: beam.PCollection, config: FilterConfig, aside: str) -> Mapping[str, beam.PCollection]:
    """Returns what configured models say of the images of each file, by name of the join."""
    found = {}
    if config.unsafe:
        scored = files | "Filtered" >> beam.Filter(lambda file: file[1].split in config.splits)
        found[write_pass.SCORES] = scored | "Unsafe" >> ScoreImages(config.unsafe, config)
    if config.neighbours and config.compares_images:
        train = files | "Train" >> beam.Filter(lambda file: file[1].split == schema.TRAIN_SPLIT)
        evaluation = files | "Evaluation" >> beam.Filter(lambda file: file[1].split != schema.TRAIN_SPLIT)
        search = FindNeighbours(config.neighbours, config, aside)
        found[write_pass.NEIGHBOURS] = {"train": train, "evaluation": evaluation} | "Neighbours" >> search
    return found


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
        f"most, {tally.dropped[rule.name]}; loosen filter.{rule.field}, which is {rule.threshold(config)}"
    )
