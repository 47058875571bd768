"""PairFilter's Beam job on plain folders, for its executor and for `align filter`; it imports no TFX.

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
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import apache_beam as beam
from apache_beam import pvalue

from components import schema
from components.artifact_files import FILTER_REPORT_FILE
from components.beam import whole_files
from components.beam.handover import HandOverCounts, collect_counts
from components.counts import CAPTIONS, IMAGES, Counts, merge
from components.files import example_files
from components.files.publishing import aside_folder, draft_folder, publish
from components.pair_filter.config import FilterConfig
from components.pair_filter.copies.evaluation_images import collect
from components.pair_filter.judging.rules import RULES, describe_rules
from components.pair_filter.passes import write_pass
from components.pair_filter.passes.describe_pass import OCCURRENCES, PRINTS, DescribeFile
from components.pair_filter.passes.evidence_pass import ConvictBucket, GatherEvidence
from components.pair_filter.passes.ngram_pass import FindRareNgrams, FindRareNgramsByBloomFilter
from components.pair_filter.passes.write_pass import FilterFile
from components.pair_filter.tasks import FileTask

# 1.8 billion pairs then give each bucket about two million keys, and each n-gram bucket about one million n-grams of a
# file. Keys are few bytes, so that more buckets would mean more framing than content.
MAX_EVIDENCE_BUCKETS = 1024
MAX_NGRAM_BUCKETS = 16384
MIN_BUCKETS = 16


FilesOfSplits = Mapping[str, Sequence[str]]  # split -> its record files


class Outputs(NamedTuple):
    """The folders that the filter writes.

    Attributes:
      examples: the kept Examples.
      rejects: what was dropped of the splits that are filtered; empty unless asked for.
      captions: the captions table of the train split.
      counts: what each kept file holds.
      report: what each rule dropped.
    """

    examples: str
    rejects: str
    captions: str
    counts: str
    report: str


def run_filter(
    make_pipeline: Callable[[], beam.Pipeline],
    config: FilterConfig,
    pairs: FilesOfSplits,
    sets: Sequence[tuple[str, FilesOfSplits]],
    outputs: Outputs,
) -> Counts:
    """Write the filtered Examples and the report of what each rule dropped.

    Args:
      make_pipeline: makes the pipeline in which the job runs.
      config: the rules.
      pairs: the files to filter.
      sets: name and files of each evaluation set, in any order; none of their images may be in the train split.
      outputs: where to write.

    Returns:
      The counts, for `refuse_empty_train`.

    Raises:
      ValueError: where a split to filter does not exist.
    """
    splits = list(pairs)
    refuse_unknown_splits(config, splits)
    tasks = plan(pairs, outputs, config)
    if config.compares_images:
        tasks += plan_evaluation(sets, outputs, len(tasks))
    drafts = {split: draft_folder(outputs.counts, split) for split in splits}
    with make_pipeline() as pipeline:
        filtered = filter_files(pipeline, tasks, config, aside_folder(outputs.examples))
        _ = (
            filtered.counts
            | "AddUp" >> beam.CombineGlobally(merge)
            | "HandOver" >> beam.ParDo(HandOverCounts(aside_folder(outputs.report)))
        )
        _ = (
            filtered[write_pass.WRITTEN]
            | "Splits" >> beam.GroupByKey()
            | "HandOverRecordCounts" >> beam.ParDo(write_pass.HandOverRecordCounts(drafts))
        )
    counts = collect_counts(aside_folder(outputs.report))
    publish(outputs.examples, splits)
    publish(outputs.rejects, rejected_splits(config))
    for folder in (outputs.captions, outputs.counts, outputs.report):
        publish(folder)
    whole_files.write_json(
        posixpath.join(outputs.report, FILTER_REPORT_FILE),
        {
            "rules": describe_rules(config),
            "splits": {
                split: {"filtered": split in config.splits, **tallies}
                for split, tallies in counts.report_splits(splits).items()
            },
            "samples": counts.report_samples(),
        },
    )
    return counts


def rejected_splits(config: FilterConfig) -> Sequence[str]:
    """Returns the splits of which what is dropped is kept apart."""
    return config.splits if config.keep_rejects else ()


def plan(pairs: FilesOfSplits, outputs: Outputs, config: FilterConfig) -> list[FileTask]:
    """Pair each file to read with the files to write."""
    tasks: list[FileTask] = []
    for split, paths in pairs.items():
        for number, path in enumerate(paths):
            name = example_files.file_name(number, len(paths))
            is_train = split == schema.TRAIN_SPLIT
            is_rejecting = split in rejected_splits(config)
            tasks.append(
                FileTask(
                    index=len(tasks),
                    split=split,
                    source=path,
                    facts=_facts_path(outputs, len(tasks)),
                    target=posixpath.join(draft_folder(outputs.examples, split), name),
                    rejects=posixpath.join(draft_folder(outputs.rejects, split), name) if is_rejecting else "",
                    captions=posixpath.join(draft_folder(outputs.captions, split), f"{name}.arrow") if is_train else "",
                )
            )
    return tasks


def plan_evaluation(sets: Sequence[tuple[str, FilesOfSplits]], outputs: Outputs, first: int) -> list[FileTask]:
    """Returns the files of the evaluation sets, which are only compared with, by name and numbered from `first`."""
    by_name = sorted(sets, key=lambda of: of[0])
    sources = [(name, path) for name, splits in by_name for paths in splits.values() for path in paths]
    return [
        FileTask(index, name, path, _facts_path(outputs, index)) for index, (name, path) in enumerate(sources, first)
    ]


def _facts_path(outputs: Outputs, index: int) -> str:
    return posixpath.join(aside_folder(outputs.examples), f"facts-{index:06d}.arrow")


def filter_files(
    pipeline: beam.Pipeline, tasks: list[FileTask], config: FilterConfig, aside: str
) -> pvalue.DoOutputsTuple:
    """Write each task's files; returns the outputs of FilterFile, its counts as "counts"."""
    buckets = max(len(tasks), MIN_BUCKETS)
    files = pipeline | "Files" >> beam.Create([(task.index, task) for task in tasks])
    spread = files | "Spread" >> beam.Reshuffle()
    described = spread | "Describe" >> beam.ParDo(DescribeFile(config)).with_outputs(PRINTS, OCCURRENCES, main="files")
    ours = described.files | "Ours" >> beam.Filter(lambda file: bool(file[1].target))
    prints = described[PRINTS] | "Prints" >> beam.combiners.ToList()
    evaluation = prints | "Collect" >> beam.Map(collect, config.max_hash_distance)
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
        from components.pair_filter.image_models.scoring import ScoreImages  # with TensorFlow, which takes seconds

        scored = files | "Filtered" >> beam.Filter(lambda file: file[1].split in config.splits)
        found[write_pass.SCORES] = scored | "Unsafe" >> ScoreImages(config.unsafe, config)
    if config.neighbours and config.compares_images:
        from components.pair_filter.image_models.neighbour_search import FindNeighbours  # likewise

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
