"""Embedding shards: Parquet files of rows, which name the model that embedded them."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serving.search.shards.schema import conform

_FINGERPRINT, _DIMENSION, _NOTES = b"align.fingerprint", b"align.dimension", b"align.notes"


@dataclass(frozen=True)
class ShardFacts:
    """What a shard says of itself without a look at its rows.

    Attributes:
      fingerprint, dimension: of the model that made the vectors.
      rows: how many it holds.
      notes: what its writer noted beside them.
    """

    fingerprint: str
    dimension: int
    rows: int
    notes: Mapping[str, Any] = field(default_factory=dict)


def write_shard(
    path: Path, rows: pa.Table, *, fingerprint: str, dimension: int, notes: Mapping[str, Any] | None = None
) -> None:
    """Write rows to one Parquet file, aside and then renamed: a reader sees all of it or none.

    Args:
      path: the file; its folder is made.
      rows: as `schema.conform` takes them.
      fingerprint: of the model that made the vectors.
      dimension: D.
      notes: what else it says of itself, as JSON takes it.

    Raises:
      ValueError: when the rows do not conform.
    """
    table = conform(rows, dimension)
    table = table.replace_schema_metadata(
        {_FINGERPRINT: fingerprint, _DIMENSION: str(dimension), _NOTES: json.dumps(notes or {})}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(aside, "wb") as file:
            pq.write_table(table, file, compression="zstd", row_group_size=65536)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def shard_facts(path: Path) -> ShardFacts:
    """Read what a shard says of itself.

    Raises:
      ValueError: when the file is not a shard.
    """
    try:
        with open(path, "rb") as file:
            parquet = pq.ParquetFile(file)
            said = parquet.schema_arrow.metadata or {}
            notes = json.loads(said.get(_NOTES, b"{}"))
            return ShardFacts(said[_FINGERPRINT].decode(), int(said[_DIMENSION]), parquet.metadata.num_rows, notes)
    except (pa.ArrowInvalid, OSError, KeyError, ValueError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(
            f"{path} is not an embedding shard ({error!r}); delete it and embed its images again"
        ) from error


def read_shard(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the rows of a shard, or some columns of them.

    Raises:
      ValueError: when the file is not a shard.
    """
    shard_facts(path)
    try:
        with open(path, "rb") as file:
            return pq.read_table(file, columns=columns).replace_schema_metadata(None)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and embed its images again") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
