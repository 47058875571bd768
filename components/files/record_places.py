"""Where the records of a gzipped TFRecord file stand, so that one is read without all that stands before it.

Examples are stored in gzip's framing and not deflated: blocks of at most 64 kB, each behind five bytes (RFC 1951,
3.2.4). Such a file can be entered at any block. In one that somebody deflated no record has a place, and it is read
from its beginning.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple, cast

from components.files.example_files import read_payloads
from components.files.streams import read_up_to
from components.files.tfrecords import read_records

_GZIP_HEADER = b"\x1f\x8b\x08\x00"  # deflate, and none of the optional fields
_HEADER_BYTES, _TRAILER_BYTES = 10, 8
_LENGTH, _CHECKSUM_BYTES = struct.Struct("<Q"), 4  # of a record: length, its checksum, content, its checksum
_BLOCK = struct.Struct("<BHH")  # last block of its member or not, length, its complement


class Place(NamedTuple):
    """Where a record begins: at the byte `skip` of the content of the block at the byte `block` of the file."""

    block: int
    skip: int


class NotStored(ValueError):
    """Raised where a file is not made of stored blocks."""


class _Blocks(io.RawIOBase):
    """The content of a file's blocks, from one on; `block` and `skip` say where the next byte to be read stands."""

    def __init__(self, stored: BinaryIO, block: int = 0) -> None:
        self._stored = stored
        self._left = 0
        self._is_last = block == 0  # a file begins with a member's header, as if another member had ended
        self._next = block
        self.block, self.skip = block, 0
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            if not self._enter_block():
                return 0
        wanted = memoryview(buffer)[: self._left]
        part = read_up_to(self._stored, len(wanted))
        if len(part) < len(wanted):
            raise NotStored("the file breaks off within a block")
        wanted[:] = part
        self._left -= len(part)
        self.skip += len(part)
        return len(part)

    def pass_over(self, count: int) -> None:
        """Leave so many bytes of the content unread."""
        while count:
            if not self._left and not self._enter_block():
                raise NotStored("the file breaks off within a record")
            some = min(count, self._left)
            self._stored.seek(some, io.SEEK_CUR)
            self._left -= some
            self.skip += some
            count -= some

    def _enter_block(self) -> bool:
        if self._is_last:
            if self._next and len(read_up_to(self._stored, _TRAILER_BYTES)) < _TRAILER_BYTES:
                raise NotStored("the file breaks off before its checksum")
            self._next += _TRAILER_BYTES if self._next else 0
            header = read_up_to(self._stored, _HEADER_BYTES)
            if not header:
                self.is_over = True
                return False
            if len(header) < _HEADER_BYTES or not header.startswith(_GZIP_HEADER):
                raise NotStored("what stands there is no plain header of gzip")
            self._next += _HEADER_BYTES
        head = read_up_to(self._stored, _BLOCK.size)
        kind, length, complement = _BLOCK.unpack(head) if len(head) == _BLOCK.size else (2, 0, 0)
        if kind > 1 or length ^ complement != 0xFFFF:
            raise NotStored("what stands there is no stored block")
        self.block, self.skip = self._next, 0
        self._is_last, self._left = kind == 1, length
        self._next += _BLOCK.size + length
        return True


def places(path: str) -> Iterator[Place]:
    """Yield where each record of a local file begins, and read of the records no more than their lengths.

    Raises:
      NotStored: where the file can be entered nowhere, or breaks off.
    """
    with open(path, "rb", buffering=0) as stored:
        blocks = _Blocks(cast(BinaryIO, stored))
        while True:
            place = Place(blocks.block, blocks.skip)
            length = read_up_to(cast(BinaryIO, blocks), _LENGTH.size)
            if not length and blocks.is_over:
                return
            if len(length) < _LENGTH.size:
                raise NotStored("the file breaks off before a record")
            yield place
            blocks.pass_over(_CHECKSUM_BYTES + _LENGTH.unpack(length)[0] + _CHECKSUM_BYTES)


def read_placed(path: str, row: int, place: Place | None) -> bytes:
    """Read one record of a local file: from its place, where it has one, else all that stand before it as well.

    Args:
      path: of the file.
      row: number of the record in it, from 0.
      place: as `places` gave it; None in a file that can be entered nowhere.

    Raises:
      ValueError: where the file holds no such record.
    """
    if place is not None:
        with open(path, "rb") as stored:
            stored.seek(place.block)
            blocks = _Blocks(stored, place.block)
            try:
                read_up_to(cast(BinaryIO, blocks), place.skip)
                payload = next(read_records(cast(BinaryIO, blocks)), None)
            except ValueError as error:
                raise ValueError(f"{path} holds no record at its byte {place.block} ({error})") from error
    else:
        payload = next(itertools.islice(read_payloads(path), row, None), None)
    if payload is None:
        raise ValueError(f"{path} holds no record {row}")
    return payload
