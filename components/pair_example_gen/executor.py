"""Moves files of pairs into Examples: one part of a file is one element of the Beam job and one file in each split.

No image is shuffled between workers: a part is read, checked and written by one of them, so parts are the grain of
parallelism (a tar shard is one part: img2dataset's usual ten thousand images suit). Counts travel as data, not as Beam
metrics, which a retried bundle would add twice.

How things are counted. A record counts as one image in the split that it goes to. Where one pile is divided by hash, a
dropped record counts in the split that its image's bytes would choose, or its name where it has no image. Captions are
read only once the image and its metadata are found good, so those of a dropped image are in no count, except where the
image is dropped because none of its captions is usable: these are counted under their own reasons. Of a data set whose
metadata is published apart from the images, a row whose image was never downloaded is no record.
"""

from __future__ import annotations

import contextlib
import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import tensorflow as tf
from absl import logging
from PIL import Image
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from components import example_artifacts, example_files, whole_files
from components.artifact_files import INGEST_REPORT_FILE
from components.counts import CAPTIONS, IMAGES, Counts, merge
from components.handover import HandOverCounts, collect_counts
from components.pair_example_gen import reasons
from components.pair_example_gen.config import EvaluationSetConfig, IngestConfig, read_config
from components.pair_example_gen.metadata import JoinMetadata, Rows, as_key, rows_beside
from components.pair_example_gen.names_seen import FIELDS, LABELS, unknown_fields
from components.pair_example_gen.pair_example import to_example
from components.pair_example_gen.raw_record import RawRecord
from components.pair_example_gen.reasons import Refused
from components.pair_example_gen.records import Captions, read_captions, read_label, read_name, read_picture, split_of
from components.pair_example_gen.shards import find_metadata, find_sources, shard_name
from components.pair_example_gen.sources import load_image, read_source
from components.pair_example_gen.storage import use_options
from components.pair_example_gen.tasks import Task
from components.publishing import draft_folder, publish

TOP_REASONS = 3
MAX_NAME_CHARACTERS = 2048  # of a record's name: pages embed whole images in an address that begins with "data:"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Ingest all shards and report what was read, kept and dropped."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the Examples and the report.

        Args:
          input_dict: empty.
          output_dict: "examples" (Examples) and "report" (IngestReport).
          exec_properties: "ingest", an IngestConfig as JSON.

        Raises:
          ValueError: where there are no shards, or the train split, or all of an evaluation set, ends up empty.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = read_config(exec_properties["ingest"])
        use_options(self._beam_pipeline_args)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        report = artifact_utils.get_single_instance(output_dict["report"])
        example_artifacts.describe(examples, config.split_names)
        if isinstance(config, EvaluationSetConfig):
            example_artifacts.name_evaluation_set(examples, config.name)
        tasks = plan(config, examples)
        metadata = find_metadata(config)
        with self._make_beam_pipeline() as pipeline:
            spread = pipeline | "Files" >> beam.Create(tasks) | "Spread" >> beam.Reshuffle()
            ingest = Ingest(config, example_artifacts.aside_folder(examples))
            if metadata:
                keyed = spread | "ByPath" >> beam.Map(lambda task: (task.source.path, task))
                joined = keyed | "JoinMetadata" >> JoinMetadata(config, metadata)
                counted = joined | "Ingest" >> beam.ParDo(IngestWithMetadata(ingest))
            else:
                counted = spread | "Ingest" >> beam.ParDo(IngestFiles(ingest))
            _ = (
                counted
                | "AddUp" >> beam.CombineGlobally(merge)
                | "HandOver" >> beam.ParDo(HandOverCounts(example_artifacts.aside_folder(report)))
            )
        counts = collect_counts(example_artifacts.aside_folder(report))
        unknown = unknown_fields(config, counts.all_seen(FIELDS))
        for sentence in unknown:
            logging.warning("%s", sentence)
        publish(examples, report)
        whole_files.write_json(
            posixpath.join(report.uri, INGEST_REPORT_FILE),
            {
                "splits": counts.report_splits(config.split_names),
                "samples": counts.report_samples(),
                "labels": counts.all_seen(LABELS),
                "unknown_fields": unknown,
            },
        )
        for name, total in counts.totals().items():
            report.set_int_custom_property(name, total)
        refuse_empty(counts, config)


def plan(config: IngestConfig, examples: Artifact) -> list[Task]:
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
    why = ", ".join(f"{reason} {number}" for reason, number in top) or "none was there"
    where = " or ".join(repr(split) for split in config.needed_splits)
    raise ValueError(
        f"{config.section}.shards is {config.shards!r}, of which no image reached the split {where}: "
        f"{sum(tally.read for tally in tallies)} read, dropped as {why}; {_remedy(counts, config, [*dict(top)])}"
    )


def _remedy(counts: Counts, config: IngestConfig, top: list[str]) -> str:
    """Returns what to do where nothing is left, by the commonest reason."""
    if top[:1] == [reasons.IMAGE_MISSING]:
        tried = counts.report_samples()[reasons.IMAGE_MISSING][0]["detail"]
        where = "" if config.images_beside else f": set {config.section}.image_folder, or paths_relative_to: table"
        return f"{tried}, for one; check where the images' paths start{where}"
    captions = f"{config.section}.captions = {dict(config.fields.captions)}"
    return f"check the files and that {captions} names fields that they have"


class Ingest:
    """Writes the records of one task and counts them."""

    def __init__(self, config: IngestConfig, aside: str) -> None:
        self._config = config
        self._aside = aside

    def ingest(self, task: Task, records: Iterator[RawRecord]) -> Counts:
        """Write a task's files whole, or not at all.

        Args:
          task: which files to write.
          records: what its source holds.
        """
        Image.MAX_IMAGE_PIXELS = None  # ingest.max_image_pixels takes the place of Pillow's own limit
        counts = Counts()
        with contextlib.ExitStack() as files:
            write = {
                split: files.enter_context(example_files.writing(path, self._aside))
                for split, path in task.outputs.items()
            }
            for record in records:
                self._add(record, task, write, counts)
        return counts

    def read(self, task: Task) -> Iterator[RawRecord]:
        """Yield the records of a task, with what the Parquet file beside a shard says of them."""
        records = read_source(task.source, self._config)
        if "metadata" not in self._config.layout.uses:
            return records
        try:
            return with_rows(records, rows_beside(task.source.path, self._config))
        except Refused as refused:
            return with_flaw(records, refused)

    def _add(self, record: RawRecord, task: Task, write: Mapping[str, Callable[[bytes], None]], counts: Counts) -> None:
        config, fields = self._config, self._config.fields
        url = read_name(record.fields, fields.url)
        in_file = read_name(record.fields, fields.key) or record.name
        name = _printable(url or f"{task.name}#{in_file}")[:MAX_NAME_CHARACTERS]
        captions = Captions()
        counts.see(FIELDS, map(_printable, record.fields))
        try:
            load_image(record, config.folder_of_images)
            picture = read_picture(record, config.max_image_pixels, decode_as_training_does)
            label = read_label(record.fields, fields.label)
            counts.see(LABELS, [label] if label else [])
            captions = read_captions(record.fields, fields.captions, fields.language)
            if not captions.kept:
                raise Refused(reasons.NO_CAPTION, f"{len(captions.refused)} unusable in {', '.join(fields.captions)}")
            split = record.split or split_of(picture.encoded, task.shares)
            write[split](to_example(picture, captions, label, name, split))
            counts.kept[split, IMAGES] += 1
            counts.kept[split, CAPTIONS] += len(captions.kept)
            for noted in captions.noted:
                counts.note(split, CAPTIONS, noted.reason, name, _printable(noted.detail))
        except Refused as refused:
            split = record.split or split_of(record.image or name.encode(), task.shares)
            counts.drop(split, IMAGES, refused.reason, name, _printable(refused.detail))
        counts.read[split, IMAGES] += 1
        counts.read[split, CAPTIONS] += len(captions.kept) + len(captions.refused)
        for caption in captions.refused:
            counts.drop(split, CAPTIONS, caption.reason, name, _printable(caption.detail))


def with_rows(records: Iterator[RawRecord], rows: Rows) -> Iterator[RawRecord]:
    """Lay the row of the same key over each record's fields, where there is one."""
    for record in records:
        row = rows.get(as_key(record.name), {})
        if row is None and not record.flaw:
            record.flaw, record.detail = reasons.DUPLICATE_KEY, "the Parquet file beside the shard has its key twice"
        record.fields = {**record.fields, **(row or {})}
        yield record


def with_flaw(records: Iterator[RawRecord], refused: Refused) -> Iterator[RawRecord]:
    """Give every record that has no flaw this one."""
    for record in records:
        if not record.flaw:
            record.flaw, record.detail = refused.reason, refused.detail
        yield record


def with_every_row(records: Iterator[RawRecord], rows: Rows) -> Iterator[RawRecord]:
    """Lay the row of the same key over each record's fields; one without has the flaw no_metadata."""
    for record in with_rows(records, rows):
        if not record.flaw and as_key(record.name) not in rows:
            record.flaw, record.detail = reasons.NO_METADATA, "no row of ingest.metadata has its address"
        yield record


class IngestFiles(beam.DoFn):
    """Ingest parts whose records can be read as they stand."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def process(self, task: Task) -> Iterator[Counts]:
        yield self._ingest.ingest(task, self._ingest.read(task))


class IngestWithMetadata(beam.DoFn):
    """Ingest shards together with the rows that were found for them."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest

    def process(self, element: tuple[str, tuple[list[Task], list[tuple[bytes, dict]]]]) -> Iterator[Counts]:
        _, (tasks, rows) = element
        for task in tasks:
            yield self._ingest.ingest(task, with_every_row(self._ingest.read(task), dict(rows)))


def decode_as_training_does(encoded: bytes) -> None:
    """Decode with the operation that the model's preprocessing uses; raises ValueError where it fails."""
    try:
        tf.io.decode_image(encoded, expand_animations=False)
    except tf.errors.OpError as error:
        raise ValueError(error.message.partition("\n")[0]) from error


def _printable(text: str) -> str:
    """Returns a text that UTF-8 can hold, whatever bytes a member's name or a message was made of."""
    return text.encode("utf-8", "backslashreplace").decode()
