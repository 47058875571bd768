"""Tells files of the input that seem to be copies of each other, such as a shard that was downloaded twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from components.pair_example_gen.storage import file_systems as storage

START_BYTES = 64 * 1024  # of which a tar's first image and name are part
MOST_READ = 1000  # files: on a server each is a request, and what a warning may cost is little


def copies(files: Mapping[str, int]) -> dict[str, str]:
    """Returns file -> the one before it that has its size and its first START_BYTES.

    Args:
      files: path -> size in bytes. Of those whose size another has, MOST_READ are looked at.
    """
    of_size = defaultdict(list)
    for path, size in files.items():
        if size:
            of_size[size].append(path)
    alike = [(size, path) for size, paths in of_size.items() if len(paths) > 1 for path in paths]
    first: dict[tuple[int, bytes], str] = {}
    found = {}
    for size, path in alike[:MOST_READ]:
        before = first.setdefault((size, storage.read_start(path, START_BYTES)), path)
        if before != path:
            found[path] = before
    return found
