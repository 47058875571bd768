"""Reads rows of a Parquet file, by row group and in batches, with the image as bytes or as a path."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.raw_record import Part, RawRecord, extension_of
from components.pair_example_gen.readers.parquet_footer import without_newer_types

BATCH_ROWS = 32  # of images: some megabytes
TEXT_BATCH_ROWS = 4096
_READ_BYTES = 1024 * 1024  # of a column read ahead at a time, in place of all that the row group has of it


def read_parquet(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield the rows of one part: the row groups whose share of the file it is.

    Where the file breaks off, the part ends with a record whose flaw is corrupt_file. A footer that cannot be read is
    the flaw of the first part alone.
    """
    number, lacking = 0, ""
    try:
        for number, row in read_rows(stream, part, config.named_fields, BATCH_ROWS):
            if config.image_column not in row:
                lacking = lacking or f"no column {config.image_column!r}; the file has {_some(_open(stream, []))}"
                yield RawRecord(f"row {number}", fields=row, detail=lacking)
            else:
                yield _to_raw_record(number, row, config.image_column)
    except UnknownType as error:
        for number in error.numbers:
            yield RawRecord(f"row {number}", flaw=reasons.UNKNOWN_TYPE, detail=str(error))
    except UnreadableFooter as error:
        if not part.index:
            yield RawRecord("", flaw=reasons.CORRUPT_FILE, detail=str(error))
    except Exception as error:  # a damaged file makes Arrow raise nearly anything
        yield RawRecord(f"behind row {number}", flaw=reasons.CORRUPT_FILE, detail=_first_line(error))


def read_image_paths(stream: BinaryIO, image_field: str) -> Iterator[str]:
    """Yield the paths in the image column of a Parquet file; its bytes are not read, nor any other column."""
    try:
        file = _open(stream, [image_field])
        column = file.schema_arrow.field(image_field).type
    except Exception:  # a damaged file makes Arrow raise nearly anything; ingest counts what it cannot read
        return
    names = [f"{image_field}.path"] if pa.types.is_struct(column) else [image_field]
    if pa.types.is_binary(column) or pa.types.is_large_binary(column):
        return
    for group in range(file.num_row_groups):  # ingest reads them apart from one another
        with contextlib.suppress(Exception):
            for batch in file.iter_batches(TEXT_BATCH_ROWS, row_groups=[group], columns=names, use_threads=False):
                yield from filter(None, map(_path_of, _values(batch.column(0))))


class UnreadableFooter(ValueError):
    """A file that is no Parquet, has lost its end, has none of the columns, or two of one name."""


class UnknownType(ValueError):
    """A column in use of a type or an encoding that this pyarrow does not read.

    Attributes:
      numbers: of the rows that are lost by it.
    """

    def __init__(self, message: str, numbers: range) -> None:
        super().__init__(message)
        self.numbers = numbers


def read_rows(
    stream: BinaryIO, part: Part, names: Sequence[str], batch_rows: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (number in the file, values) of each row in one part.

    What is no UTF-8 in a text becomes halves of surrogate pairs, so that one bad text harms no other; texts inside a
    list come as bytes.

    Args:
      names: the columns to read; those that the file lacks, and "", are passed over.
      batch_rows: rows held in memory at a time.

    Raises:
      UnreadableFooter: where nothing can be read.
      UnknownType: where this pyarrow cannot read a column, in the midst of the file too.
    """
    try:
        file = _open(stream, names)
        present = [name for name in dict.fromkeys(names) if name in file.schema_arrow.names]
        if not present:
            raise ValueError(f"it has none of the columns {', '.join(filter(None, names))}; it has {_some(file)}")
        repeated = [name for name in present if file.schema_arrow.names.count(name) > 1]
        if repeated:
            raise ValueError(f"two columns have the name {repeated[0]!r}")
        first, stop = part.range(file.num_row_groups)
        number = sum(file.metadata.row_group(group).num_rows for group in range(first))
    except UnknownType as error:
        raise UnknownType(str(error), range(*part.range(len(error.numbers)))) from error
    except Exception as error:
        raise UnreadableFooter(_first_line(error)) from error
    end = number + sum(file.metadata.row_group(group).num_rows for group in range(first, stop))
    try:
        for group in range(first, stop):
            for batch in file.iter_batches(batch_rows, row_groups=[group], columns=present, use_threads=False):
                columns = {name: _values(batch.column(index)) for index, name in enumerate(batch.schema.names)}
                for index in range(batch.num_rows):
                    yield number, {name: values[index] for name, values in columns.items()}
                    number += 1
    except (NotImplementedError, OSError) as error:
        if isinstance(error, NotImplementedError) or "Not yet implemented" in str(error):
            raise UnknownType(_first_line(error), range(number, end)) from error
        raise


def _open(stream: BinaryIO, names: Sequence[str]) -> pq.ParquetFile:
    """Open a file, also where other columns than those named have types that this pyarrow does not know.

    Raises:
      UnknownType: where one of those named has.
    """
    if not hasattr(stream, "seek"):  # as what decompression gives
        raise ValueError("a compressed file cannot be read as Parquet, which has compression inside; unpack it")
    try:
        return pq.ParquetFile(stream, buffer_size=_READ_BYTES)
    except (pa.ArrowException, OSError) as error:
        refused = error
    try:
        changed, footer = without_newer_types(stream)
    except ValueError:
        raise refused from None
    unknown = [f"{name!r} has the type {footer.newer[name]}" for name in names if name in footer.newer]
    if unknown:
        raise UnknownType(f"column {unknown[0]}, which pyarrow {pa.__version__} does not read", range(footer.rows))
    return pq.ParquetFile(changed, buffer_size=_READ_BYTES)


def _some(file: pq.ParquetFile) -> str:
    return ", ".join(file.schema_arrow.names)[:100]


def _values(column: pa.Array) -> list:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values = column.cast(_bytes_for_text(column.type)).to_pylist()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return [value if value is None else value.decode("utf-8", "surrogateescape") for value in values]
    return values


def _bytes_for_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_string(kind):
        return pa.binary()
    if pa.types.is_large_string(kind):
        return pa.large_binary()
    if pa.types.is_list(kind):
        return pa.list_(_bytes_for_text(kind.value_type))
    return kind


def _to_raw_record(number: int, row: dict[str, Any], image_field: str) -> RawRecord:
    name = f"row {number}"
    value = row.pop(image_field, None)
    path = _path_of(value)
    if isinstance(value, dict):
        value = value.get("bytes")
    if isinstance(value, bytes) and value:
        return RawRecord(name, value, extension_of(path), fields=row)
    if path:
        return RawRecord(name, path=path, extension=extension_of(path), fields=row)
    kind = type(value).__name__
    return RawRecord(name, fields=row, detail=f"{image_field!r} holds {kind}; other columns: {', '.join(row)}")


def _path_of(value: Any) -> str:
    """Returns the path that a value of the image column holds, in it or as Hugging Face's Image feature has it."""
    if isinstance(value, dict):
        return str(value.get("path") or "")
    return value if isinstance(value, str) else ""


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:200]
