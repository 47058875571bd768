"""Reads a given number of bytes from a stream in portions: what a damaged header asks for is not set aside at once."""

from __future__ import annotations

from typing import BinaryIO

CHUNK_BYTES = 1024 * 1024


def read_up_to(stream: BinaryIO, size: int) -> bytes:
    """Returns `size` bytes, or what is left where the stream ends first."""
    first = stream.read(min(size, CHUNK_BYTES))
    if len(first) == size or not first:
        return first
    chunks = [first]
    size -= len(first)
    while size and (chunk := stream.read(min(size, CHUNK_BYTES))):
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
