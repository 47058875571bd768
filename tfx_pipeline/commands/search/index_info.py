"""The body of `align index info`: what an index holds, for a person or a program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from serving.search.stores.milvus.connection import MilvusUnavailable
from serving.search.stores.milvus.milvus_store import MilvusStore
from serving.search.stores.opening import open_store
from serving.search.stores.segments.manifest import DamagedSegment
from serving.search.stores.segments.segment_store import SegmentStore
from tfx_pipeline.indexing.folder import SHARDS, Made, newest_index
from tfx_pipeline.settings.config import as_config_error
from tfx_pipeline.wording import count, counted


def show_info(root: Path, folder: Path | None, *, check: bool, as_json: bool, console: Console) -> bool:
    """Print what an index holds. Returns whether it is damaged.

    Args:
      root: the pipeline's folder, whose newest index is meant where `folder` is None.
      folder: of the index.
      check: whether to read every byte of it.
      as_json: whether to print `info_of` as JSON.
      console: where to print.

    Raises:
      ConfigError: when there is no index, or not even its manifest can be read.
    """
    found = info_of(folder or newest_index(root), check=check)
    if as_json:
        console.print_json(json.dumps(found))
    else:
        console.print(_table(found))
        for sentence in found["damaged"]:
            console.print(sentence, style="bold red", soft_wrap=True, highlight=False, markup=False)
    return bool(found["damaged"])


def info_of(folder: Path, *, check: bool = False) -> dict[str, Any]:
    """Returns what an index holds.

    Returns:
      "milvus" (its "address", "collection" and "index"; None of an index in segments); "count", "dimension",
      "segments", "tombstones" (deleted images that still take room), "bytes" and "shard_bytes" (numbers); "index",
      "model", "fingerprint", "created" (texts); "sources", "skipped" (as in index.json); "damaged" (a sentence for each
      damaged segment).

    Raises:
      ConfigError: when there is no index, or not even its manifest can be read.
    """
    damaged: list[str] = []
    with as_config_error((ValueError, FileNotFoundError, MilvusUnavailable)):
        made = Made.read(folder)
        store = open_store(folder, on_damage=lambda error: damaged.append(str(error)))
        if check and isinstance(store, SegmentStore) and not damaged:
            try:
                store.check()
            except DamagedSegment as error:
                damaged.append(str(error))
        entries = store.entries() if isinstance(store, SegmentStore) else ()
        shards = _bytes_below(folder / SHARDS)
        return {
            "index": str(folder),
            "milvus": _place(store) if isinstance(store, MilvusStore) else None,
            "count": store.count(),
            "model": made.model,
            "fingerprint": store.fingerprint,
            "dimension": store.dimension,
            "segments": len(entries),
            "tombstones": sum(entry.deleted for entry in entries),
            "bytes": _bytes_below(folder) - shards,
            "shard_bytes": shards,
            "created": made.created,
            "sources": [{"kind": each.kind, "at": each.at, "ingest": dict(each.ingest)} for each in made.sources],
            "skipped": dict(made.skipped),
            "damaged": damaged,
        }


def _table(found: Mapping[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    skipped = ", ".join(f"{reason} {number:,}" for reason, number in found["skipped"].items())
    lines = {
        "index": found["index"],
        "images": count(found["count"]),
        "model": f"{found['model']} ({found['fingerprint'][:16]})",
        "dimension": str(found["dimension"]),
        **(_of_segments(found) if found["milvus"] is None else _of_milvus(found["milvus"])),
        "built": found["created"],
        "made of": "\n".join(f"{source['kind']}: {source['at']}" for source in found["sources"]),
        "left out": skipped or "nothing",
    }
    for name, value in lines.items():
        table.add_row(name, value)
    return table


def _of_segments(found: Mapping[str, Any]) -> dict[str, str]:
    return {
        "stored in": f"{counted(found['segments'], 'segment')}, {_megabytes(found['bytes'])}",
        "deleted": f"{counted(found['tombstones'], 'image')} that take room until `align index compact`",
        "shards": f"{_megabytes(found['shard_bytes'])}, from which a build again takes what it embedded",
    }


def _of_milvus(place: Mapping[str, str]) -> dict[str, str]:
    return {"stored in": f"Milvus at {place['address']}, collection {place['collection']}, {place['index']}"}


def _place(store: MilvusStore) -> dict[str, str]:
    held = store.connection
    return {"address": held.address, "collection": held.collection, "index": store.index}


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
