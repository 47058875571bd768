"""Finds the files of each split and refuses, in one sentence, a folder that has none."""

from __future__ import annotations

import itertools
import os
import posixpath
import re
from collections import Counter
from collections.abc import Mapping

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.storage import file_systems as storage
from components.pair_example_gen.storage import listing
from components.pair_example_gen.storage.errors import explain, hint
from components.pair_example_gen.tasks import Source, divide, sample

MOST_ENTRIES, MOST_KINDS = 10_000, 6  # of a folder without the files that were looked for: looked at, named


def check_shards(config: IngestConfig) -> None:
    """Refuse files that cannot be ingested, without reading them.

    Raises:
      ValueError: where a folder is unset, missing, empty for a split, or one file belongs to two splits; where the
        file system cannot be asked.
    """
    find_shards(config)
    find_metadata(config)
    if config.image_folder is not None:
        _refuse_missing(config.image_folder, f"{config.section}.image_folder is {config.image_folder!r}")


def find_shards(config: IngestConfig) -> dict[str, list[str]]:
    """Find the files that `ingest.splits` names, on any file system that Beam reads.

    Returns:
      Name in `ingest.splits` -> paths, sorted, at least one each.

    Raises:
      ValueError: as in `check_shards`.
    """
    return {split: list(sizes) for split, sizes in _find(config).items()}


def find_sources(config: IngestConfig) -> dict[str, list[Source]]:
    """Divide the files into tasks' sources, or into a sample's where `ingest.sample` asks for one.

    Returns:
      Name in `ingest.splits` -> sources, by path and part.

    Raises:
      ValueError: as in `check_shards`.
    """
    found = {}
    for split, sizes in _find(config).items():
        sources = [part for path, size in sizes.items() for part in divide(path, size, config.layout.part_bytes)]
        if config.sample is not None:
            sources = sample(sources, -(-config.sample // len(config.globs)))
        found[split] = sources
    return found


def find_metadata(config: IngestConfig) -> list[Source]:
    """Find and divide the files that `ingest.metadata` names; none where it is not set.

    Raises:
      ValueError: where it is set and no file matches.
    """
    if not config.metadata:
        return []
    part_bytes = 128 * 1024 * 1024  # of texts
    found = _match(config, config.metadata, f"metadata = {config.metadata!r}", "metadata")
    return [part for path, size in found.items() for part in divide(path, size, part_bytes)]


def shard_name(config: IngestConfig, path: str) -> str:
    """Returns how messages name a file: its path below `ingest.shards`."""
    return path.removeprefix(config.shards.rstrip("/")).lstrip("/")


def _find(config: IngestConfig) -> dict[str, dict[str, int]]:
    """Returns split -> path -> size in bytes."""
    kind = config.files
    if not config.shards:
        raise ValueError(f"{config.section}.shards is empty; set it to the folder that holds your {kind}")
    found = {
        name: _match(config, pattern, f"splits[{name!r}] = {pattern!r}", kind) for name, pattern in config.globs.items()
    }
    _refuse_shared(found, config)
    _refuse_twins(found, config)
    return found


def _match(config: IngestConfig, pattern: str, field: str, kind: str) -> dict[str, int]:
    """Returns path -> size in bytes of the files in the folder that the glob matches, sorted by path."""
    folder, said = config.shards, f"{config.section}.shards is {config.shards!r}"
    storage.refuse_unreachable(folder, said)
    try:
        found = listing.list_files(folder, pattern)
        if found:
            return {path: file.size for path, file in found.items()}
        exists = listing.has_folder(folder)
    except Exception as error:  # each of Beam's file systems has errors of its own; all mean that nothing can be read
        raise ValueError(f"{said}, {explain(error, folder)}") from error
    if not exists:
        raise ValueError(f"{said}, which does not exist; set it to the folder of your {kind}{hint(folder)}")
    if os.path.isfile(folder):
        raise ValueError(
            f"{said}, which is a file; set it to the folder {posixpath.dirname(folder)!r}, and {config.section}.splits "
            f"to {{all: {posixpath.basename(folder)!r}}}"
        )
    raise ValueError(
        f"{said}, where no file matches {config.section}.{field}; put {kind} there or change the glob or "
        f"{config.section}.format{hint(folder)}{_what_is_there(folder)}"
    )


def _what_is_there(folder: str) -> str:
    """Returns "; it has ..." with the kinds of files and the folders that a local folder has, the commonest first."""
    if not os.path.isdir(folder):
        return ""
    with os.scandir(folder) as entries:
        kinds = Counter(
            f"the folder {entry.name!r}" if entry.is_dir() else f"*{posixpath.splitext(entry.name)[1]}"
            for entry in itertools.islice(entries, MOST_ENTRIES)
        )
    commonest = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:MOST_KINDS]
    found = [kind if kind.startswith("the") else f"{number} {kind}" for kind, number in commonest]
    more = ", ..." if len(kinds) > MOST_KINDS else ""
    return f"; it has {', '.join(found)}{more}" if found else "; it is empty"


def _refuse_missing(folder: str, said: str) -> None:
    """Raise ValueError where the images' folder is not there."""
    storage.refuse_unreachable(folder, said)
    try:
        exists = listing.has_folder(folder)
    except Exception as error:  # as in `_match`
        raise ValueError(f"{said}, {explain(error, folder)}") from error
    if not exists:
        raise ValueError(f"{said}, which does not exist; set it to the folder that the images' paths start from")


def _refuse_shared(found: Mapping[str, Mapping[str, int]], config: IngestConfig) -> None:
    owner: dict[str, str] = {}
    for split, paths in found.items():
        for path in paths:
            if path in owner:
                raise ValueError(
                    f"{config.section}.splits gives {path} to both {owner[path]!r} ({config.globs[owner[path]]!r}) "
                    f"and {split!r} ({config.globs[split]!r}); change a glob so that no shard is in two splits"
                )
            owner[path] = split


def _refuse_twins(found: Mapping[str, Mapping[str, int]], config: IngestConfig) -> None:
    """Raise ValueError where a split has one table as two kinds of file, whose images would all be read twice."""
    kinds = "|".join(map(re.escape, config.layout.kinds))
    for split, paths in found.items() if kinds else ():
        of_name: dict[str, str] = {}
        for path in paths:
            twin = of_name.setdefault(re.sub(rf"({kinds})(\.[^./]*)?$", "", path), path)
            if twin != path:
                raise ValueError(
                    f"{config.section}.splits[{split!r}] = {config.globs[split]!r} matches both {twin} and {path}, two "
                    f"files of one table, and would read its images twice; end the glob on the kind of one, such as "
                    f"{path.rpartition('/')[2]!r}, or remove the other"
                )
