"""Divides the files of a run into tasks, all of them or a sample that is the same each time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.pair_example_gen.raw_record import Part
from components.pair_example_gen.readers.decompression import is_compressed

SAMPLE_RECORDS_PER_TASK = 256  # a sample of so many records or fewer comes from one task, a greater one from several


@dataclass(frozen=True)
class Source:
    """One part of one file.

    Attributes:
      path: where the file is.
      size: of the file, in bytes.
      part: which part of it.
      limit: records after which reading stops, or None.
    """

    path: str
    size: int
    part: Part = Part()  # noqa: RUF009 - frozen
    limit: int | None = None


@dataclass(frozen=True)
class Task:
    """One part of a file to ingest into one file of each split.

    Attributes:
      source: what to read.
      name: how messages name the file.
      outputs: split -> path of the file to write.
      shares: split -> weight of the hash split; one entry where the file belongs to one split.
    """

    source: Source
    name: str
    outputs: Mapping[str, str]
    shares: Mapping[str, int]


def divide(path: str, size: int, part_bytes: int) -> list[Source]:
    """Divide a file into parts of about `part_bytes`; into one where that is 0 or the file is compressed."""
    count = 1 if not part_bytes or is_compressed(path) else max(1, -(-size // part_bytes))
    return [Source(path, size, Part(index, count)) for index in range(count)]


def sample(sources: Sequence[Source], records: int) -> list[Source]:
    """Choose by hash of path and part as many sources as `records` asks for, in their order, and limit each."""
    count = min(len(sources), -(-records // SAMPLE_RECORDS_PER_TASK))
    chosen = sorted(range(len(sources)), key=lambda index: _rank(sources[index]))[:count]
    limit = -(-records // count)
    return [Source(sources[index].path, sources[index].size, sources[index].part, limit) for index in sorted(chosen)]


def _rank(source: Source) -> bytes:
    return hashlib.sha256(f"{source.path}\n{source.part.index}".encode(errors="backslashreplace")).digest()
