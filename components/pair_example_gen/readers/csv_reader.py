"""Reads rows of a CSV or TSV file, each of which names an image file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.raw_record import Part, RawRecord, extension_of
from components.pair_example_gen.readers.csv_lines import CHUNK_BYTES, line_end, lines
from components.pair_example_gen.readers.csv_rows import Dialect, Row, Rows, first_row
from components.pair_example_gen.readers.decompression import DamagedCompression

_NO_COLUMNS = ("",)  # of a broken header: rows that have more columns are then malformed, the others without an image


def read_csv(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield the rows that begin in one part of a CSV; `stream` is seekable where it has several parts."""
    yield from _read(stream, part, config, ",")


def read_tsv(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield the rows that begin in one part of a TSV, which quotes as a CSV does."""
    yield from _read(stream, part, config, "\t")


def _read(stream: BinaryIO, part: Part, config: IngestConfig, delimiter: str) -> Iterator[RawRecord]:
    between = config.delimiter or delimiter
    dialect = Dialect(between) if config.quote is None else Dialect(between, quote="")
    try:
        rows = Rows(lines(stream), dialect, config.columns, config.image_column)
        if not config.columns:
            flaw = _read_header(rows)
            if flaw and not part.index:
                yield RawRecord("header", flaw=reasons.CORRUPT_FILE, detail=flaw)
        repeated = next((name for name in config.named_fields if rows.columns.count(name) > 1), "")
        for row in rows if part.count == 1 else _of_part(stream, part, rows):
            record = _to_raw_record(row, rows.columns, config.image_column)
            if repeated and not record.flaw:
                record.flaw, record.detail = reasons.DUPLICATE_KEY, f"two columns have the name {repeated!r}"
            yield record
    except DamagedCompression as error:
        yield RawRecord("", flaw=reasons.CORRUPT_FILE, detail=str(error))


def _read_header(rows: Rows) -> str:
    """Take the columns from the first row; returns what is wrong with it, or ""."""
    header: Row | None = next(iter(rows), None)
    if header is None:
        rows.columns = _NO_COLUMNS
        return "the file is empty; it has no header line"
    _, names, wrong = header
    rows.columns = names or _NO_COLUMNS
    return wrong and f"the header line has {wrong}"


def _of_part(stream: BinaryIO, part: Part, header: Rows) -> Iterator[Row]:
    """Yield the rows that begin in one part of a file whose header is read."""
    start, stop = part.range(stream.seek(0, 2))
    stream.seek(0)
    end = line_end(stream.read(CHUNK_BYTES))

    def rows_at(offset: int) -> Rows:
        return header.behind(lines(stream, offset, end))

    for row in rows_at(first_row(rows_at, start, header.stop)):
        if row[0] >= stop:
            return
        if row[0] >= start:
            yield row


def _to_raw_record(row: Row, columns: Sequence[str], image_field: str) -> RawRecord:
    offset, cells, wrong = row
    name = f"byte {offset}"
    if wrong:
        return RawRecord(name, flaw=reasons.MALFORMED_ROW, detail=wrong)
    values = dict(zip(columns, cells, strict=True))
    path = values.get(image_field, "").strip()
    detail = (
        "" if path else f"{image_field!r} is empty or missing; columns: {', '.join(values)}{_other_delimiter(columns)}"
    )
    return RawRecord(name, path=path, extension=extension_of(path), fields=values, detail=detail)


def _other_delimiter(columns: Sequence[str]) -> str:
    """Returns what to do where a header has one name, with what divides values elsewhere."""
    found = next((mark for mark in ";|\t" if len(columns) == 1 and mark in columns[0]), "")
    return f"; set ingest.delimiter to {found!r}, if that is what divides them" if found else ""
