"""Moves the records of one part of a file into Examples, in Beam workers that import neither TFX nor TensorFlow.

How things are counted. A record counts as one image in the split that it goes to. Where one pile is divided by hash, a
dropped record counts in the split that its image's bytes would choose, or its name where it has no image. Captions are
read only once the image and its metadata are found good, so those of a dropped image are in no count, except where the
image is dropped because none of its captions is usable: these are counted under their own reasons. Of a data set whose
metadata is published apart from the images, a row whose image was never downloaded is no record.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import apache_beam as beam
from PIL import Image

from components.counts import CAPTIONS, IMAGES, Counts
from components.files import example_files
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.names_seen import FIELDS, LABELS
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.judging.records import (
    Captions,
    read_captions,
    read_label,
    read_name,
    read_picture,
    split_of,
)
from components.pair_example_gen.pair_example import to_example
from components.pair_example_gen.passes.metadata import Rows, as_key, rows_beside
from components.pair_example_gen.raw_record import RawRecord
from components.pair_example_gen.storage.sources import load_image, read_source
from components.pair_example_gen.tasks import Task

MAX_NAME_CHARACTERS = 2048  # of a record's name: pages embed whole images in an address that begins with "data:"


class Ingest:
    """Writes the records of one task and counts them."""

    def __init__(self, config: IngestConfig, aside: str, check: Callable[[bytes], object]) -> None:
        """Args:
        config: which fields to read, and how.
        aside: folder for unfinished files, on the file system of the tasks' outputs.
        check: decodes the bytes of an image and raises ValueError where that fails; Beam pickles it.
        """
        self._config = config
        self._aside = aside
        self._check = check

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
            picture = read_picture(record, config.max_image_pixels, self._check)
            label = read_label(record.fields, fields.label)
            counts.see(LABELS, [label] if label else [])
            captions = read_captions(record.fields, fields.captions, fields.language)
            if not captions.kept:
                raise Refused(reasons.NO_CAPTION, _unusable(captions, fields.captions))
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


def _unusable(captions: Captions, names: Iterable[str]) -> str:
    """Returns what the caption fields of a record hold of which none is kept."""
    found = Counter(refused.reason for refused in captions.refused)
    held = ", ".join(f"{reason} {number}" for reason, number in found.items()) or "no text"
    return f"{held} in {', '.join(names)}"


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


def _printable(text: str) -> str:
    """Returns a text that UTF-8 can hold, whatever bytes a member's name or a message was made of."""
    return text.encode("utf-8", "backslashreplace").decode()
