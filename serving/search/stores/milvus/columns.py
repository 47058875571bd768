"""Rows of an index as Milvus holds them, and back.

Legend: n rows, D embedding dimension.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.types as pt

from serving.search.shards.schema import METADATA, vectors_of
from serving.search.stores.milvus.expressions import ADDED, given, stored

if TYPE_CHECKING:
    from pymilvus import CollectionSchema

VECTOR = "vector"
LONGEST = 65535  # bytes of a text that Milvus takes


def milvus_schema(dimension: int, description: str) -> CollectionSchema:
    """Returns the columns of a collection: METADATA, has_<column> of each that may be null, ADDED, and VECTOR.

    None is a partition key: Milvus 2.3 puts rows that an upsert brings into wrong partitions, where filters lose them.

    Args:
      dimension: D.
      description: kept with the collection.
    """
    from pymilvus import CollectionSchema, DataType, FieldSchema

    fields = []
    for field in METADATA:
        if pt.is_string(field.type):
            fields.append(FieldSchema(field.name, DataType.VARCHAR, max_length=LONGEST, is_primary=field.name == "id"))
        else:
            kind = DataType.INT32 if pt.is_int32(field.type) else DataType.INT64
            fields.append(FieldSchema(field.name, DataType.FLOAT if pt.is_floating(field.type) else kind))
        if field.nullable:
            fields.append(FieldSchema(f"has_{field.name}", DataType.BOOL))
    fields.append(FieldSchema(ADDED, DataType.INT64))
    fields.append(FieldSchema(VECTOR, DataType.FLOAT_VECTOR, dim=dimension))
    return CollectionSchema(fields, description=description)


def to_milvus(rows: pa.Table, added: int) -> tuple[list[dict[str, Any]], int]:
    """Returns rows of `shards.schema` as Milvus takes them, and how many of their texts were cut to LONGEST.

    Raises:
      ValueError: for an id that is too long: cut, it would be another one.
    """
    cut = 0
    held: list[dict[str, Any]] = [{ADDED: added, VECTOR: vector} for vector in vectors_of(rows).astype(np.float32)]
    names = rows.column("id").to_pylist()
    for field in METADATA:
        empty = "" if pt.is_string(field.type) else 0.0 if pt.is_floating(field.type) else 0
        column = rows.column(field.name)
        values = column.cast(pa.int64()) if pt.is_timestamp(field.type) else column
        kind = pa.int64() if pt.is_timestamp(field.type) else field.type
        for row, name, value in zip(held, names, values.to_pylist(), strict=True):
            if isinstance(value, str) and len(value.encode()) > LONGEST:
                if field.name == "id":
                    raise ValueError(f"the id {name[:60]!r}... is longer than the {LONGEST} bytes that Milvus takes")
                value, cut = _cut(value), cut + 1
            row[field.name] = empty if value is None else stored(value, kind)
            if field.nullable:
                row[f"has_{field.name}"] = value is not None
    return held, cut


def _cut(text: str) -> str:
    return text.encode()[:LONGEST].decode(errors="ignore")  # no half of a character


def file_schema() -> pa.Schema:
    """Returns the columns of `milvus_schema` as a Parquet file has them for a bulk insert."""
    fields = []
    for field in METADATA:
        signed = pt.is_timestamp(field.type) or pt.is_uint64(field.type)
        fields.append(pa.field(field.name, pa.int64() if signed else field.type))
        if field.nullable:
            fields.append(pa.field(f"has_{field.name}", pa.bool_()))
    return pa.schema([*fields, pa.field(ADDED, pa.int64()), pa.field(VECTOR, pa.list_(pa.float32()))])


def to_rows(found: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Returns what Milvus holds as rows of METADATA."""
    held = list(found)
    columns = []
    for field in METADATA:
        there = [not field.nullable or row[f"has_{field.name}"] for row in held]
        values = [given(row[field.name], field.type) if has else None for row, has in zip(held, there, strict=True)]
        kind = pa.int64() if pt.is_timestamp(field.type) else field.type
        columns.append(pa.array(values, kind).cast(field.type))
    return pa.Table.from_arrays(columns, schema=METADATA)
