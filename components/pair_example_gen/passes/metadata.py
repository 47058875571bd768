"""What is known of a tar shard's images outside of it: rows beside the shard, or rows joined by Beam.

Two layouts, the first without any shuffle:
- img2dataset writes 00000.parquet beside 00000.tar, a row for each image under the same key: one worker reads both.
- The set as it was published, in files of its own (`ingest.metadata`). Its rows and the shards' addresses meet in a
  CoGroupByKey: texts alone, the images stay where they are. What was found goes back to each shard by its path, so that
  a worker holds the texts of one shard. The shards are read twice, unless Parquet files beside them tell the addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.formats import PUBLISHED_COLUMNS
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.judging.records import read_name
from components.pair_example_gen.raw_record import Part
from components.pair_example_gen.readers import csv_lines, parquet_reader
from components.pair_example_gen.storage.file_systems import StorageFailure
from components.pair_example_gen.storage.sources import open_file, read_source
from components.pair_example_gen.tasks import Source, Task

SHARD_KEY = "key"  # img2dataset's column with the key of the tar's members
TSV_COLUMNS = ("caption", "url")  # Conceptual Captions has no header line

Rows = Mapping[bytes, Mapping[str, Any] | None]  # key in the shard -> field -> value; None where rows disagree


def as_key(text: str) -> bytes:
    """Returns a text as bytes that group the same on every runner, whatever the text was made of."""
    return text.encode("utf-8", "backslashreplace")


def path_beside(shard: str) -> str:
    """Returns where the Parquet file beside a shard lies, if there is one."""
    return re.sub(r"\.tar(\.\w+)?$", "", shard) + ".parquet"


def rows_beside(shard: str, config: IngestConfig, more: Iterable[str] = ()) -> dict[bytes, dict[str, Any] | None]:
    """Returns the rows of the Parquet file beside a shard by key; none where there is no such file.

    None stands in place of two rows of one key that differ.

    Raises:
      Refused: with metadata_damaged, where the file is there and cannot be read whole, or has no column of keys: what
        it corrects must not be taken uncorrected.
    """
    path = path_beside(shard)
    names = (SHARD_KEY, *wanted_fields(config), *more, *([config.fields.url] if config.fields.url else []))
    rows: dict[bytes, dict[str, Any] | None] = {}
    if not FileSystems.exists(path):
        return {}
    try:
        with open_file(path) as stream:
            for _, row in parquet_reader.read_rows(stream, Part(), names, parquet_reader.TEXT_BATCH_ROWS):
                if SHARD_KEY not in row:
                    raise ValueError(f"it has no column {SHARD_KEY!r}")
                key = as_key(read_name(row, SHARD_KEY))
                rows[key] = row if rows.get(key, row) == row else None
    except StorageFailure:  # the file may be whole
        raise
    except Exception as error:  # a damaged file makes Arrow raise nearly anything
        detail = f"{path} cannot be read ({error}); write it again, or move it away to take what the shard says"
        raise Refused(reasons.METADATA_DAMAGED, detail) from error
    return rows


def wanted_fields(config: IngestConfig) -> list[str]:
    """Returns the fields that captions, their language and the label come from."""
    fields = config.fields
    return [name for name in (*fields.captions, fields.language, fields.label) if name]


def merge_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, list]:
    """Returns field -> its values in all rows, equal rows once, in an order that does not depend on theirs."""
    distinct = {repr(sorted(row.items(), key=str)): row for row in rows}
    ordered = [distinct[key] for key in sorted(distinct)]
    names = dict.fromkeys(name for row in ordered for name in row)
    return {name: [row.get(name) for row in ordered] for name in names}


class JoinMetadata(beam.PTransform):
    """(path, Task) -> (path, ([Task], [(key in the shard, fields)])): the rows of the published metadata by shard."""

    def __init__(self, config: IngestConfig, sources: list[Source]) -> None:
        super().__init__()
        self._config = config
        self._sources = sources

    def expand(self, tasks: beam.PCollection) -> beam.PCollection:
        rows = (
            tasks.pipeline
            | "MetadataFiles" >> beam.Create(self._sources)
            | "SpreadMetadata" >> beam.Reshuffle()
            | "MetadataRows" >> beam.ParDo(ReadMetadata(self._config))
        )
        keys = tasks | "ShardKeys" >> beam.ParDo(ReadShardKeys(self._config))
        found = (rows, keys) | "MeetByAddress" >> beam.CoGroupByKey() | "Match" >> beam.FlatMap(match)
        return (tasks, found) | "MeetByShard" >> beam.CoGroupByKey()


def match(element: tuple[bytes, tuple[Iterable, Iterable]]) -> Iterator[tuple[str, tuple[bytes, dict]]]:
    """Yield (shard, (key in the shard, fields)) for each image of one address that the metadata knows."""
    _, (rows, keys) = element
    merged = merge_rows(rows)
    if merged:
        for path, key in keys:
            yield path, (key, merged)


class ReadMetadata(beam.DoFn):
    """Yield (address or `ingest.key_field`, fields) of each row of a metadata file."""

    def __init__(self, config: IngestConfig) -> None:
        self._config = config
        ours = PUBLISHED_COLUMNS[config.format]
        theirs = {ours[name]: name for name in ours}
        self._columns = {theirs.get(name, name): name for name in wanted_fields(config)}
        self._join = config.fields.key or theirs["url"]

    def process(self, source: Source) -> Iterator[tuple[bytes, dict[str, Any]]]:
        for row in self._rows(source):
            join = read_name(row, self._join)
            if join:  # rows without an address would all meet on one worker
                yield as_key(join), {ours: _storable(row[name]) for name, ours in self._columns.items() if name in row}

    def _rows(self, source: Source) -> Iterator[dict[str, Any]]:
        try:
            with open_file(source.path) as stream:
                if self._config.format == "conceptual_captions":
                    start, stop = source.part.range(source.size)
                    for offset, line in csv_lines.lines(stream, start, b"\n"):
                        if source.part.count > 1 and offset >= stop:
                            return
                        cells = line.decode("utf-8", "surrogateescape").rstrip("\r\n").split("\t")
                        yield dict(zip(TSV_COLUMNS, cells))  # noqa: B905 - a row may lack cells
                else:
                    names = (self._join, *self._columns)
                    size = parquet_reader.TEXT_BATCH_ROWS
                    yield from (row for _, row in parquet_reader.read_rows(stream, source.part, names, size))
        except StorageFailure:  # the file may be whole
            raise
        except Exception as error:  # a part of the metadata that is lost would drop its images in silence
            raise ValueError(f"ingest.metadata: {source.path} cannot be read ({error}); mend or replace it") from error


class ReadShardKeys(beam.DoFn):
    """Yield (address or `ingest.key_field`, (path, key in the shard)) of each image of a shard."""

    def __init__(self, config: IngestConfig) -> None:
        self._config = config
        self._join = config.fields.key or config.fields.url or ""  # IngestConfig has it that one is set

    def process(self, element: tuple[str, Task]) -> Iterator[tuple[bytes, tuple[str, bytes]]]:
        path, task = element
        try:
            beside = rows_beside(path, self._config, [self._join])
        except Refused:  # which every record of the shard will say
            return
        if any(self._join in row for row in beside.values() if row):
            named = ((key, read_name(row, self._join)) for key, row in beside.items() if row)
        else:
            records = read_source(task.source, self._config)
            named = ((as_key(record.name), read_name(record.fields, self._join)) for record in records)
        for key, join in named:
            if join:
                yield as_key(join), (path, key)


def _storable(value: Any) -> Any:
    """Returns a value that every coder of Beam takes: bytes for a text that may be no UTF-8."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
