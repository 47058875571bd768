"""Embedding shards: Parquet files of rows, which name the model that embedded them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from serving.search.shards.schema import conform

_FINGERPRINT, _DIMENSION = b"align.fingerprint", b"align.dimension"


@dataclass(frozen=True)
class ShardFacts:
    """What a shard says of itself without a look at its rows."""

    fingerprint: str
    dimension: int
    rows: int


def write_shard(path: Path, rows: pa.Table, *, fingerprint: str, dimension: int) -> None:
    """Write rows to one Parquet file, aside and then renamed: a reader sees all of it or none.

    Args:
      path: the file; its folder is made.
      rows: as `schema.conform` takes them.
      fingerprint: of the model that made the vectors.
      dimension: D.

    Raises:
      ValueError: when the rows do not conform.
    """
    table = conform(rows, dimension)
    table = table.replace_schema_metadata({_FINGERPRINT: fingerprint, _DIMENSION: str(dimension)})
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
            return ShardFacts(said[_FINGERPRINT].decode(), int(said[_DIMENSION]), parquet.metadata.num_rows)
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
