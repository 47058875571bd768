"""Finds the tar shards of each split and refuses, in one sentence, a folder that has none."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from apache_beam.io.filesystems import FileSystems

from components.pair_example_gen.config import IngestConfig


def check_shards(config: IngestConfig) -> None:
    """Refuse shards that cannot be ingested, without reading them.

    Raises:
      ValueError: where the folder is unset, missing, empty for a split, or one shard belongs to two splits.
    """
    find_shards(config)


def find_shards(config: IngestConfig) -> dict[str, list[str]]:
    """Find the shards that `ingest.splits` names, on any file system that Beam reads.

    Returns:
      Name in `ingest.splits` -> paths, sorted, at least one each.

    Raises:
      ValueError: as in `check_shards`.
    """
    if not config.shards:
        raise ValueError("ingest.shards is empty; set it to the folder that holds your tar shards")
    found = {name: _match(config.shards, name, pattern) for name, pattern in config.splits.items()}
    _refuse_shared(found, config.splits)
    return found


def shard_name(config: IngestConfig, path: str) -> str:
    """Returns how messages name a shard: its path below `ingest.shards`."""
    return path.removeprefix(config.shards.rstrip("/")).lstrip("/")


def _match(folder: str, split: str, pattern: str) -> list[str]:
    try:
        (result,) = FileSystems.match([posixpath.join(folder, pattern)])
        paths = sorted(metadata.path for metadata in result.metadata_list)
        if paths:
            return paths
        exists = FileSystems.exists(folder)
    except Exception as error:  # each of Beam's file systems has errors of its own; all mean that nothing can be read
        raise ValueError(f"ingest.shards is {folder!r}, which cannot be listed ({error}); check its address") from error
    if not exists:
        raise ValueError(f"ingest.shards is {folder!r}, which does not exist; set it to the folder of your tar shards")
    raise ValueError(
        f"ingest.shards is {folder!r}, where no file matches ingest.splits[{split!r}] = {pattern!r}; "
        "put tar shards there or change the glob"
    )


def _refuse_shared(found: Mapping[str, list[str]], patterns: Mapping[str, str]) -> None:
    owner: dict[str, str] = {}
    for split, paths in found.items():
        for path in paths:
            if path in owner:
                raise ValueError(
                    f"ingest.splits gives {path} to both {owner[path]!r} ({patterns[owner[path]]!r}) and {split!r} "
                    f"({patterns[split]!r}); change a glob so that no shard is in two splits"
                )
            owner[path] = split
