"""Divides a CSV file into records without reading it whole, so that its parts can be read in parallel.

A quoted field may hold line ends, so whether a line begins a record depends on all the quotes before it. Each part is
therefore scanned first under both assumptions (`scan`); who knows all scans knows how each part begins (`entries`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import BinaryIO

MAX_RECORD_BYTES = 1024 * 1024  # of one row; where a quote never closes, the row ends here
_CHUNK_BYTES = 256 * 1024
_QUOTE = b'"'


def lines(stream: BinaryIO, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line with its end) of each line that begins at or after `start`; a long one is cut short.

    Args:
      stream: where `start` is 0, only read from, else seekable.
      start: offset in bytes.
    """
    buffer, at, offset, skipping = b"", 0, 0, False
    if start:
        stream.seek(start - 1)
        offset, skipping = start - 1, True  # the line that holds the byte before `start` belongs to the part before
    while True:
        end = buffer.find(b"\n", at)
        size = (end + 1 if end >= 0 else len(buffer)) - at
        if end < 0 and size <= MAX_RECORD_BYTES and (chunk := stream.read(_CHUNK_BYTES)):
            buffer, at = buffer[at:] + chunk, 0
            continue
        if not size:
            return
        if not skipping:
            yield offset, buffer[at : at + min(size, MAX_RECORD_BYTES + 1)]
        skipping = end < 0  # what follows is the rest of a line that is too long
        at, offset = at + size, offset + size


def closes_open(line: bytes, is_open: bool, delimiter: bytes) -> bool:
    """Returns whether a quoted field is open behind `line`, as Python's csv reads it: a quote opens at a field's start.

    Args:
      line: one line of the file.
      is_open: whether one is open before it.
      delimiter: one byte.
    """
    if _QUOTE not in line:
        return is_open
    at = 0
    while True:
        if is_open:
            end = line.find(_QUOTE, at)
            while end >= 0 and line[end + 1 : end + 2] == _QUOTE:  # a doubled quote is one in the text
                end = line.find(_QUOTE, end + 2)
            if end < 0:
                return True
            is_open, at = False, end + 1
        elif line[at : at + 1] == _QUOTE:
            is_open, at = True, at + 1
            continue
        following = line.find(delimiter, at)
        if following < 0:
            return False
        at = following + 1


def records(
    stream: BinaryIO, start: int, stop: int | None, is_open: bool, delimiter: bytes
) -> Iterator[tuple[int, bytes, bool]]:
    """Yield (offset, bytes, whether sound) of the records that begin in [start, stop).

    Args:
      stop: offset in bytes, or None for the file's end.
      is_open: whether a quoted field is open at the first line that begins at or after `start`.
    """
    held: list[bytes] = []
    begin, size, skipping = 0, 0, is_open
    for offset, line in lines(stream, start):
        if not held and not skipping:
            if stop is not None and offset >= stop:
                return
            begin = offset
        if not skipping:
            held.append(line)
        size += len(line)
        is_open = closes_open(line, is_open, delimiter)
        if is_open and size <= MAX_RECORD_BYTES:
            continue
        if not skipping and any(part.strip() for part in held):
            yield begin, b"".join(held), not is_open and size <= MAX_RECORD_BYTES
        held, size, skipping, is_open = [], 0, False, False
    if held:
        yield begin, b"".join(held), False


def scan(stream: BinaryIO, start: int, stop: int, delimiter: bytes) -> tuple[bool, bool]:
    """Returns whether a quoted field is open at the first line at or after `stop`, if none and if one is at `start`."""
    states = [False, True]
    for offset, line in lines(stream, start):
        if offset >= stop:
            break
        states = [closes_open(line, state, delimiter) for state in states]
    return states[0], states[1]


def entries(scans: Sequence[tuple[bool, bool]]) -> list[bool]:
    """Returns for each part of a file whether a quoted field is open where it begins.

    Args:
      scans: what `scan` said of the parts, in order.
    """
    found = [False]
    for if_none, if_one in scans[:-1]:
        found.append(if_one if found[-1] else if_none)
    return found
