"""PairExampleGen's Beam job on plain folders, for its executor and for `align filter`; it imports no TFX.

One part of a file is one element of the job and one file in each split. No image is shuffled between workers: a part is
read, checked and written by one of them, so parts are the grain of parallelism (a tar shard is one part: img2dataset's
usual ten thousand images suit). Counts travel as data, not as Beam metrics, which a retried bundle would add twice.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable

import apache_beam as beam
from absl import logging

from components.artifact_files import INGEST_REPORT_FILE
from components.beam import whole_files
from components.beam.handover import HandOverCounts, collect_counts
from components.counts import IMAGES, Counts, merge
from components.files import example_files
from components.files.publishing import aside_folder, draft_folder, publish
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging.names_seen import FIELDS, LABELS, unknown_fields
from components.pair_example_gen.judging.remedies import remedy
from components.pair_example_gen.passes.ingest_pass import Ingest, IngestFiles, IngestWithMetadata
from components.pair_example_gen.passes.metadata import JoinMetadata
from components.pair_example_gen.storage.copies import copies
from components.pair_example_gen.storage.shards import find_metadata, find_sources, shard_name
from components.pair_example_gen.tasks import Task

TOP_REASONS = 3


def run_ingest(
    make_pipeline: Callable[[], beam.Pipeline],
    config: IngestConfig,
    check: Callable[[bytes], object],
    *,
    examples: str,
    report: str,
) -> Counts:
    """Write the Examples of all shards and the report of what was read, kept and dropped.

    Args:
      make_pipeline: makes the pipeline in which the job runs.
      config: what to read.
      check: decodes the bytes of an image and raises ValueError where that fails; Beam pickles it.
      examples: folder for the splits.
      report: folder for the report.

    Returns:
      The counts, for `refuse_empty`.

    Raises:
      ValueError: where there are no shards.
    """
    tasks = plan(config, examples)
    metadata = find_metadata(config)
    doubled = [
        f"{shard_name(config, path)} has the size and the beginning of {shard_name(config, before)}; if it is a copy, "
        f"its pairs count twice: remove it, or change {config.section}.splits"
        for path, before in copies({task.source.path: task.source.size for task in tasks}).items()
    ]
    with make_pipeline() as pipeline:
        spread = pipeline | "Files" >> beam.Create(tasks) | "Spread" >> beam.Reshuffle()
        ingest = Ingest(config, aside_folder(examples), check)
        if metadata:
            keyed = spread | "ByPath" >> beam.Map(lambda task: (task.source.path, task))
            joined = keyed | "JoinMetadata" >> JoinMetadata(config, metadata)
            counted = joined | "Ingest" >> beam.ParDo(IngestWithMetadata(ingest))
        else:
            counted = spread | "Ingest" >> beam.ParDo(IngestFiles(ingest))
        _ = (
            counted
            | "AddUp" >> beam.CombineGlobally(merge)
            | "HandOver" >> beam.ParDo(HandOverCounts(aside_folder(report)))
        )
    counts = collect_counts(aside_folder(report))
    unknown = unknown_fields(config, counts.all_seen(FIELDS))
    for sentence in (*unknown, *doubled):
        logging.warning("%s", sentence)
    publish(examples, config.split_names)
    publish(report)
    whole_files.write_json(
        posixpath.join(report, INGEST_REPORT_FILE),
        {
            "splits": counts.report_splits(config.split_names),
            "samples": counts.report_samples(),
            "labels": counts.all_seen(LABELS),
            "unknown_fields": unknown,
            "copies": doubled,
        },
    )
    return counts


def plan(config: IngestConfig, examples: str) -> list[Task]:
    """Decide which part is written to which files; the same files give the same names."""
    tasks = []
    for split, sources in find_sources(config).items():
        shares = config.shares_of(split)
        for index, source in enumerate(sources):
            name = example_files.file_name(index, len(sources))
            outputs = {to: posixpath.join(draft_folder(examples, to), name) for to in shares}
            tasks.append(Task(source, shard_name(config, source.path), outputs, shares))
    return tasks


def refuse_empty(counts: Counts, config: IngestConfig) -> None:
    """Raise ValueError where nothing is left of what is needed, naming the folder and the commonest reasons."""
    tallies = [counts.tally(split, IMAGES) for split in config.needed_splits]
    if any(tally.kept for tally in tallies):
        return
    dropped: Counter[str] = Counter()
    for tally in tallies:
        dropped.update(tally.dropped)
    top = sorted(dropped.items(), key=lambda item: (-item[1], item[0]))[:TOP_REASONS]
    what_to_do = remedy(config, [*dict(top)], counts.report_samples(), counts.all_seen(FIELDS))
    why = ", ".join(f"{reason} {number}" for reason, number in top) or "none was there"
    where = " or ".join(repr(split) for split in config.needed_splits)
    raise ValueError(
        f"{config.section}.shards is {config.shards!r}, of which no image reached the split {where}: "
        f"{sum(tally.read for tally in tallies)} read, dropped as {why}; {what_to_do}"
    )
