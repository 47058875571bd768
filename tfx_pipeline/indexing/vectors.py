"""Vectors that are there already: Parquet files such as `align embed` writes, and our own shards, as rows of an index.

Legend: n rows of a part, D embedding dimension.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.counts import IMAGES, Counts
from components.pair_example_gen.storage.listing import Stamps
from serving.search.shards.files import shard_facts
from serving.search.shards.schema import METADATA, vector_column
from tfx_pipeline.indexing.entries import id_of

ROWS_A_PART = 65536  # unless one row group has more
_AT_ONCE = 4096
_COLUMNS = ("vector", "embedding", "image_embedding")
NO_VECTOR = "no_vector"  # a null, or a list of nulls
NO_DIRECTION = "vector_without_direction"  # zeros, NaN or infinity
OTHER_DIMENSION = "vector_of_another_dimension"
MISFIT = "value_out_of_range"  # of a column that an index keeps, such as a width of 2**40
NO_IMAGE = "vector_of_a_text"  # `align embed` writes both kinds


@dataclass(frozen=True)
class VectorsPart:
    """Some row groups of a Parquet file.

    Attributes:
      path: of the file.
      column: that holds the vectors: lists of numbers, or fp16 bytes.
      groups: [first, behind the last) row group.
      first_row: number of their first row in the file.
    """

    path: str
    column: str
    groups: tuple[int, int]
    first_row: int

    def identity(self, stamps: Stamps) -> str:
        """See `Part.identity`."""
        return f"vectors\0{self.path}\0{stamps.of(self.path)}\0{self.column}\0{self.groups}"

    def rows(self, dimension: int, split: str) -> tuple[pa.Table, Counts]:
        """Read the part.

        Args:
          dimension: D; rows of another are counted and left out.
          split: under which they are counted.

        Returns:
          rows as `write_shard` takes them, vectors of unit length, and what became of each row.
        """
        counts, tables, number = Counts(), [_empty(dimension)], self.first_row
        with open(self.path, "rb") as stream:
            for batch in self._batches(stream):
                misfits = _misfits(batch)
                places, vectors = [], []
                kinds = batch.column("kind").to_pylist() if "kind" in batch.schema.names else None
                for place, vector in enumerate(_vectors(batch.column(self.column))):
                    reason, unit = _judged(vector, dimension, kinds and kinds[place])
                    if place in misfits:
                        reason, unit = MISFIT, None
                    if unit is None:
                        counts.drop(split, IMAGES, reason, f"{self.path}:{number + place}", "")
                    else:
                        places.append(place)
                        vectors.append(unit)
                counts.read[split, IMAGES] += len(batch)
                counts.kept[split, IMAGES] += len(places)
                if places:
                    tables.append(self._table(batch.take(pa.array(places)), np.array(places) + number, vectors))
                number += len(batch)
        return pa.concat_tables(tables), counts

    def _batches(self, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
        try:
            yield from pq.ParquetFile(stream).iter_batches(_AT_ONCE, row_groups=list(range(*self.groups)))
        except (pa.ArrowException, OSError) as error:
            raise ValueError(
                f"{self.path} cannot be read ({' '.join(str(error).split())}); where its vectors are lists of a fixed "
                "size, leave out the rows without one, or write plain lists"
            ) from error

    def _table(self, batch: pa.RecordBatch, numbers: np.ndarray, vectors: list[np.ndarray]) -> pa.Table:
        made = {
            "id": pa.array([id_of(f"{self.path}:{number}", "") for number in numbers.tolist()]),
            "source": pa.array([self.path] * len(batch)),
            "row": pa.array(numbers),
            "ingested": pa.array([datetime.now(timezone.utc)] * len(batch)),
        }
        columns = []
        for field in METADATA:
            ours = made.get(field.name, pa.nulls(len(batch), field.type)).cast(field.type)
            held = batch.column(field.name).cast(field.type) if field.name in batch.schema.names else ours
            columns.append(pc.coalesce(held, ours))
        table = pa.Table.from_arrays(columns, schema=METADATA)
        return table.append_column("vector", vector_column(np.array(vectors, np.float16)))


def parts_of_vectors(path: str) -> list[VectorsPart]:
    """Divide a Parquet file.

    Raises:
      ValueError: when it cannot be read, has no column of vectors, or its path is no UTF-8, which an index keeps.
    """
    try:
        path.encode()
        with open(path, "rb") as stream:
            file = pq.ParquetFile(stream)
            column = _column_of(path, file.schema_arrow)
            _refuse_other_types(path, file.schema_arrow)
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    except UnicodeEncodeError as error:
        raise ValueError(f"the path {path!r} is no UTF-8, which an index keeps; rename it") from error
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as Parquet ({' '.join(str(error).split())})") from error
    return list(_divided(path, column, sizes))


def refuse_other_model(path: Path, fingerprint: str, dimension: int) -> None:
    """Raise ValueError where a file is a shard of another model or dimension; others do not say of which they are."""
    try:
        held = shard_facts(path)
    except ValueError:
        return
    if (held.fingerprint, held.dimension) != (fingerprint, dimension):
        raise ValueError(
            f"{path} holds vectors of model {held.fingerprint[:16]} with D = {held.dimension}, this is "
            f"{fingerprint[:16]} with D = {dimension}; name that model by --model, or embed the images again"
        )


def _divided(path: str, column: str, sizes: list[int]) -> Iterator[VectorsPart]:
    begin = row = held = 0
    for group, size in enumerate(sizes):
        if held and held + size > ROWS_A_PART:
            yield VectorsPart(path, column, (begin, group), row)
            begin, row, held = group, row + held, 0
        held += size
    if held:
        yield VectorsPart(path, column, (begin, len(sizes)), row)


def _column_of(path: str, schema: pa.Schema) -> str:
    able = [field.name for field in schema if _is_vectors(field.type)]
    named = [name for name in _COLUMNS if name in able]
    if named or len(able) == 1:
        return (named or able)[0]
    raise ValueError(
        f"{path} has {'several columns' if able else 'no column'} of vectors ({', '.join(able or schema.names)}); call "
        f"one 'embedding': lists of floats"
    )


def _refuse_other_types(path: str, schema: pa.Schema) -> None:
    """Raise ValueError where a column that an index keeps cannot become what it is there."""
    for field in METADATA:
        if field.name in schema.names:
            found = schema.field(field.name).type
            try:
                pa.nulls(0, found).cast(field.type)
            except pa.ArrowException as error:
                raise ValueError(
                    f"column {field.name!r} of {path} is {found}, but an index keeps it as {field.type}; convert "
                    "it, or give it another name"
                ) from error


def _is_vectors(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.types.is_floating(kind.value_type)
    return pa.types.is_fixed_size_binary(kind)


def _misfits(batch: pa.RecordBatch) -> set[int]:
    """Returns the rows that have a value for which the type that an index keeps has no room."""
    found = set()
    for field in METADATA:
        if field.name in batch.schema.names:
            column = batch.column(field.name)
            try:
                column.cast(field.type)
            except pa.ArrowException:
                found |= {row for row in range(len(column)) if not _fits(column.slice(row, 1), field.type)}
    return found


def _fits(value: pa.Array, kind: pa.DataType) -> bool:
    try:
        value.cast(kind)
    except pa.ArrowException:
        return False
    return True


def _vectors(column: pa.Array) -> Iterator[np.ndarray | None]:
    """Yield each vector of a column as it stands, None for a null."""
    if pa.types.is_fixed_size_binary(column.type):
        yield from (None if cell is None else np.frombuffer(cell, "<f2") for cell in column.to_pylist())
        return
    for cell in column:
        yield None if not cell.is_valid else cell.values.to_numpy(zero_copy_only=False)


def _judged(vector: np.ndarray | None, dimension: int, kind: str | None) -> tuple[str, np.ndarray | None]:
    """Returns a vector at unit length, or the reason for which there is none."""
    if kind not in (None, "image"):
        return NO_IMAGE, None
    if vector is None:
        return NO_VECTOR, None
    if len(vector) != dimension:
        return OTHER_DIMENSION, None
    wide = vector.astype(np.float64)
    length = np.linalg.norm(wide)
    if not np.isfinite(length) or length == 0:
        return NO_DIRECTION, None
    return "", (wide / length).astype(np.float32)


def _empty(dimension: int) -> pa.Table:
    nothing = vector_column(np.zeros((0, dimension), np.float16))
    return METADATA.empty_table().append_column("vector", nothing)
