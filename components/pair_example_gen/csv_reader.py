"""Reads rows of a CSV or TSV file, each of which names an image file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from components.pair_example_gen import csv_lines, reasons
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.decompression import DamagedCompression
from components.pair_example_gen.raw_record import Part, RawRecord, extension_of

COMMA = b","
_BOM = b"\xef\xbb\xbf"
_NO_COLUMNS = ("",)  # of a broken header: rows that have more columns are then malformed, the others without an image


@dataclass(frozen=True)
class _Dialect:
    """How a file divides into rows, and a row into values.

    Attributes:
      rows: stream, start, stop, is_open -> (offset, row, whether sound).
      cells: row -> values; bytes that are not UTF-8 become halves of surrogate pairs, which no caption may hold.
    """

    rows: Callable[[BinaryIO, int, int | None, bool], Iterator[tuple[int, bytes, bool]]]
    cells: Callable[[bytes], list[str]]


def read_csv(stream: BinaryIO, part: Part, config: IngestConfig, is_open: bool = False) -> Iterator[RawRecord]:
    """Yield the rows that begin in one part of a CSV.

    Args:
      stream: the file; seekable where it has several parts.
      is_open: whether a quoted field is open where the part begins, as `csv_lines.entries` found.
    """
    yield from _read(stream, part, config, is_open, _CSV)


def read_tsv(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield the rows that begin in one part of a TSV, in which a quote is a character as any other."""
    yield from _read(stream, part, config, False, _TSV)


def scan_csv(stream: BinaryIO, part: Part) -> tuple[bool, bool]:
    """Returns how quotes pass through one part; see `csv_lines.scan`."""
    start, stop = part.range(_size(stream))
    stream.seek(0)
    return csv_lines.scan(stream, start, stop, COMMA)


def _read(stream: BinaryIO, part: Part, config: IngestConfig, is_open: bool, dialect: _Dialect) -> Iterator[RawRecord]:
    try:
        columns: Sequence[str] = config.columns
        start, stop = 0, None
        if part.count > 1:
            start, stop = part.range(_size(stream))
            stream.seek(0)
        if part.index and not columns:
            columns = next((_columns(row, dialect) for _, row, _ in dialect.rows(stream, 0, None, False)), _NO_COLUMNS)
        for offset, row, is_sound in dialect.rows(stream, start, stop, is_open):
            if not columns:
                columns = _columns(row, dialect) if is_sound else _NO_COLUMNS
                if columns == _NO_COLUMNS:
                    yield RawRecord("header", flaw=reasons.CORRUPT_FILE, detail=f"the header is {row[:80]!r}")
            else:
                yield _to_raw_record(offset, row if is_sound else None, columns, config, dialect)
        if not columns:
            yield RawRecord("header", flaw=reasons.CORRUPT_FILE, detail="the file is empty; it has no header line")
    except DamagedCompression as error:
        yield RawRecord("", flaw=reasons.CORRUPT_FILE, detail=str(error))


def _columns(row: bytes, dialect: _Dialect) -> Sequence[str]:
    try:
        return dialect.cells(row.removeprefix(_BOM))
    except csv.Error:
        return _NO_COLUMNS


def _csv_rows(stream: BinaryIO, start: int, stop: int | None, is_open: bool) -> Iterator[tuple[int, bytes, bool]]:
    return csv_lines.records(stream, start, stop, is_open, COMMA)


def _tsv_rows(stream: BinaryIO, start: int, stop: int | None, is_open: bool) -> Iterator[tuple[int, bytes, bool]]:
    for offset, line in csv_lines.lines(stream, start):
        if stop is not None and offset >= stop:
            return
        if line.strip():
            yield offset, line, len(line) <= csv_lines.MAX_RECORD_BYTES


def _csv_cells(row: bytes) -> list[str]:
    return next(csv.reader([row.decode("utf-8", "surrogateescape")]), [])


def _tsv_cells(row: bytes) -> list[str]:
    return row.decode("utf-8", "surrogateescape").rstrip("\r\n").split("\t")


_CSV = _Dialect(_csv_rows, _csv_cells)
_TSV = _Dialect(_tsv_rows, _tsv_cells)


def _to_raw_record(
    offset: int, row: bytes | None, columns: Sequence[str], config: IngestConfig, dialect: _Dialect
) -> RawRecord:
    """Returns a row's record; `row` is None where it does not end."""
    name = f"byte {offset}"
    if row is None:
        detail = f"a quote or a line does not end within {csv_lines.MAX_RECORD_BYTES} bytes"
        return RawRecord(name, flaw=reasons.MALFORMED_ROW, detail=detail)
    try:
        cells = dialect.cells(row.removeprefix(_BOM) if not offset else row)
    except csv.Error as error:
        return RawRecord(name, flaw=reasons.MALFORMED_ROW, detail=str(error))
    if len(cells) != len(columns):
        detail = f"{len(cells)} values for {len(columns)} columns"
        return RawRecord(name, flaw=reasons.MALFORMED_ROW, detail=detail)
    repeated = next((column for column in config.named_fields if columns.count(column) > 1), "")
    if repeated:
        return RawRecord(name, flaw=reasons.DUPLICATE_KEY, detail=f"two columns have the name {repeated!r}")
    values = dict(zip(columns, cells, strict=True))
    path = values.get(config.image_column, "").strip()
    detail = "" if path else f"{config.image_column!r} is empty or missing; columns: {', '.join(values)}"
    return RawRecord(name, path=path, extension=extension_of(path), fields=values, detail=detail)


def _size(stream: BinaryIO) -> int:
    stream.seek(0, 2)
    return stream.tell()
