"""Yields the lines of a text file from any place on, so that its parts can be read in parallel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

MAX_LINE_BYTES = 1024 * 1024  # of one line; what is longer is cut
CHUNK_BYTES = 256 * 1024


def lines(stream: BinaryIO, start: int = 0, end: bytes = b"") -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line with its end) of each line that begins at or after `start`.

    A line of more than MAX_LINE_BYTES is cut to MAX_LINE_BYTES + 1.

    Args:
      stream: where `start` is 0, only read from, else seekable.
      start: offset in bytes.
      end: what ends a line; where `start` is 0 it may be left to `line_end` of what is read first.
    """
    offset, rest, skipping = 0, b"", False
    if start:
        stream.seek(start - 1)
        offset, skipping = start - 1, True  # the line that holds the byte before `start` belongs to the part before
    while chunk := stream.read(CHUNK_BYTES):
        end = end or line_end(chunk)
        *whole, last = chunk.split(end)
        if whole:
            whole[0] = rest + whole[0]
            rest = last
        else:
            rest += last
        for line in whole:
            if not skipping:
                yield offset, (line + end)[: MAX_LINE_BYTES + 1]
            skipping = False
            offset += len(line) + 1
        if skipping or len(rest) > MAX_LINE_BYTES:
            if not skipping:
                yield offset, rest[: MAX_LINE_BYTES + 1]
            offset, rest, skipping = offset + len(rest), b"", True
    if rest:
        yield offset, rest


def line_end(head: bytes) -> bytes:
    r"""Returns what ends the lines of a file that begins so: "\n", also behind "\r", or "\r" alone, as on old Macs."""
    return b"\r" if b"\r" in head[:-1] and b"\n" not in head else b"\n"
