"""What a search index knows of an image: one row with its embedding in fp16, where it came from and what is said of it.

Legend: n rows, D embedding dimension.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

METADATA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),  # unique and stable: a hash of the source and the record
        pa.field("source", pa.string()),  # the file that holds the record
        pa.field("row", pa.int64()),  # the record's place in it, from 0
        pa.field("url", pa.string()),
        pa.field("caption", pa.string()),
        pa.field("language", pa.string()),
        pa.field("label", pa.string()),  # its class
        pa.field("split", pa.string()),
        pa.field("ingested", pa.timestamp("us", tz="UTC")),
        pa.field("width", pa.int32()),  # pixels
        pa.field("height", pa.int32()),  # pixels
        pa.field("sha256", pa.string()),  # of the image's bytes
        pa.field("phash", pa.uint64()),
        pa.field("unsafe", pa.float32()),  # 0 to 1
    ]
)
FURTHEST_FROM_UNIT = 0.002  # fp16 rounds the length of a unit vector by less than .0005


def schema(dimension: int) -> pa.Schema:
    """Returns the columns of METADATA and `vector`, D numbers of fp16 in little-endian bytes."""
    return METADATA.append(pa.field("vector", pa.binary(2 * dimension), nullable=False))


def vector_column(vectors: np.ndarray) -> pa.Array:
    """Returns unit vectors [n, D] as a column of fp16 bytes."""
    rounded = np.ascontiguousarray(vectors, "<f2")
    if rounded.ndim != 2 or rounded.shape[1] == 0:
        raise ValueError(f"vectors have shape {rounded.shape}; give [n, D]")
    data = pa.py_buffer(rounded.tobytes())
    return pa.Array.from_buffers(pa.binary(2 * rounded.shape[1]), len(rounded), [None, data])


def vectors_of(rows: pa.Table) -> np.ndarray:
    """Returns the vectors of rows as [n, D] float16."""
    column = rows.column("vector")
    width = column.type.byte_width
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8, count=len(chunk) * width, offset=chunk.offset * width)
        for chunk in column.chunks
        if len(chunk)
    ]
    data = np.concatenate(parts) if parts else np.zeros(0, np.uint8)
    return data.view("<f2").reshape(len(column), width // 2)


def conform(rows: pa.Table, dimension: int) -> pa.Table:
    """Returns rows with every column of the schema in its order, sorted by id; of rows with one id the last stays.

    A column that is missing becomes null.

    Raises:
      ValueError: for no id or vector, vectors of another dimension or not of unit length, a column that the schema
        does not have, or values of another type.
    """
    wanted = schema(dimension)
    for name in ("id", "vector"):
        if name not in rows.column_names:
            raise ValueError(f"the rows have no column {name!r}; each image needs one")
        if rows.column(name).null_count:
            raise ValueError(f"column {name!r} has {rows.column(name).null_count} nulls; each image needs one")
    unknown = sorted(set(rows.column_names) - set(wanted.names))
    if unknown:
        raise ValueError(f"column {unknown[0]!r} is unknown; an index keeps {', '.join(METADATA.names)}")
    found = rows.schema.field("vector").type
    if found != wanted.field("vector").type:
        held = f"D = {found.byte_width // 2}" if pa.types.is_fixed_size_binary(found) else f"type {found}"
        raise ValueError(f"the vectors have {held}; this index takes D = {dimension} as fp16 bytes")
    columns = [_column(rows, field) for field in wanted]
    table = pa.Table.from_arrays(columns, schema=wanted)
    vectors = vectors_of(table)
    for start in range(0, len(vectors), 65536):
        lengths = np.linalg.norm(vectors[start : start + 65536].astype(np.float32), axis=1)
        bad = np.flatnonzero(~(np.abs(lengths - 1) < FURTHEST_FROM_UNIT))
        if bad.size:
            name = table.column("id")[start + int(bad[0])].as_py()
            raise ValueError(f"the vector of {name!r} has length {lengths[bad[0]]:.3g}, not 1; encode that image again")
    return _by_id(table)


def _column(rows: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in rows.column_names:
        return pa.nulls(len(rows), field.type)
    try:
        return rows.column(field.name).cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"column {field.name!r} is not {field.type} ({error}); convert it first") from error


def _by_id(table: pa.Table) -> pa.Table:
    ids = table.column("id")
    if len(table) < 2:
        return table
    order = pc.sort_indices(
        table.append_column("place", pa.array(np.arange(len(table)))), [("id", "ascending"), ("place", "ascending")]
    )
    ordered = ids.take(order)
    last = np.ones(len(table), bool)
    last[:-1] = pc.not_equal(ordered[:-1], ordered[1:]).to_numpy()
    return table.take(order.filter(pa.array(last)))
