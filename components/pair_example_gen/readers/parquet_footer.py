"""Reads past column types that this pyarrow does not know: one of them makes it refuse a whole file.

Such a column's type in the footer is changed in memory to "unknown", at the same length. Which columns these are is
told, so that none of them is taken for empty.
Reference: https://github.com/apache/parquet-format, parquet.thrift and Thrift's compact protocol.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

MAX_FOOTER_BYTES = 64 * 1024 * 1024
_MAGIC = b"PAR1"
_ARROW_SCHEMA = b"ARROW:schema"
_SCHEMA, _ROWS = 2, 3  # fields of FileMetaData
_NAME, _CHILDREN, _LOGICAL_TYPE = 4, 5, 10  # of SchemaElement
_UNKNOWN = 11  # of LogicalType
_OLD_TYPES = 14  # the last that every pyarrow here knows; 15 is FLOAT16
_NEWER = {15: "FLOAT16", 16: "VARIANT", 17: "GEOMETRY", 18: "GEOGRAPHY"}
_MAX_BITS = 64  # of a number
_BINARY, _LIST, _SET, _MAP, _STRUCT = 8, 9, 10, 11, 12
_FIXED_BYTES = {1: 0, 2: 0, 3: 1, 7: 8}  # bool, bool, byte, double


@dataclass(frozen=True)
class Footer:
    """What stands in a footer.

    Attributes:
      rows: of the file.
      newer: column -> its type, of those that this pyarrow may not know.
    """

    rows: int
    newer: dict[str, str]


def without_newer_types(stream: BinaryIO) -> tuple[BinaryIO, Footer]:
    """Returns the file with these types changed, and what its footer says; raises ValueError where it has none."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 8))
    tail = stream.read(8)
    length = struct.unpack("<I", tail[:4])[0] if len(tail) == 8 and tail[4:] == _MAGIC else size
    if length > min(size - 8, MAX_FOOTER_BYTES):
        raise ValueError("no footer of a Parquet file")
    start = size - 8 - length
    stream.seek(start)
    data = bytearray(stream.read(length))
    try:
        footer = _change(_Compact(data))
    except (IndexError, RecursionError) as error:
        raise ValueError("a broken footer") from error
    hidden = bytes(data).replace(
        _ARROW_SCHEMA, _ARROW_SCHEMA.lower()
    )  # Arrow's types, where those of Parquet do as well
    return io.BufferedReader(_Overlaid(stream, start, hidden)), footer


def _change(data: _Compact) -> Footer:
    rows, newer = 0, {}
    for number, kind, _ in data.fields():
        if number == _SCHEMA and kind == _LIST:
            count, _ = data.list_header()
            left: list[int] = []  # children that each group above still has
            top = ""
            for index in range(count):
                name, children, logical = _element(data)
                if len(left) == 1:
                    top = name
                if index and logical:
                    newer[top] = logical
                if left:
                    left[-1] -= 1
                if children:
                    left.append(children)
                while left and not left[-1]:
                    left.pop()
        elif number == _ROWS:
            rows = data.integer()
        else:
            data.skip(kind)
    return Footer(rows, newer)


def _element(data: _Compact) -> tuple[str, int, str]:
    """Returns name, number of children and newer type or "" of the next SchemaElement, and changes that type."""
    name, children, logical = "", 0, ""
    for number, kind, _ in data.fields():
        if number == _NAME:
            name = data.binary().decode("utf-8", "replace")
        elif number == _CHILDREN:
            children = data.integer()
        elif number == _LOGICAL_TYPE:
            for which, inner, at in data.fields():
                if which > _OLD_TYPES:
                    logical = _NEWER.get(which, f"of number {which}")
                    data.renumber(at, _UNKNOWN)
                data.skip(inner)
        else:
            data.skip(kind)
    return name, children, logical


class _Compact:
    """Thrift's compact protocol, as far as a footer needs it."""

    def __init__(self, data: bytearray) -> None:
        self._data = data
        self._at = 0

    def fields(self) -> Iterator[tuple[int, int, int]]:
        """Yield (number, type, place) of each field of a struct; who asks must read or skip its value."""
        number = 0
        while header := self._byte():
            at, delta, kind = self._at - 1, header >> 4, header & 15
            number = number + delta if delta else self.integer()
            yield number, kind, at

    def renumber(self, at: int, number: int) -> None:
        """Change the number of the only field of a struct, whose header stands at a place."""
        if self._data[at] >> 4:
            self._data[at] = number << 4 | self._data[at] & 15
        else:
            self._data[at + 1] = number << 1

    def list_header(self) -> tuple[int, int]:
        header = self._byte()
        return (self._varint() if header >> 4 == 15 else header >> 4), header & 15

    def integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def binary(self) -> bytes:
        size = self._varint()
        self._at += size
        return bytes(self._data[self._at - size : self._at])

    def skip(self, kind: int) -> None:
        if kind == _STRUCT:
            for _, inner, _ in self.fields():
                self.skip(inner)
        elif kind in (_LIST, _SET):
            count, inner = self.list_header()
            for _ in range(count):
                self.skip(3 if inner in (1, 2) else inner)
        elif kind == _MAP:
            count = self._varint()
            kinds = self._byte() if count else 0
            for _ in range(count):
                self.skip(kinds >> 4)
                self.skip(kinds & 15)
        elif kind == _BINARY:
            self.binary()
        elif kind in _FIXED_BYTES:
            self._at += _FIXED_BYTES[kind]
        else:
            self._varint()

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > _MAX_BITS:
                raise IndexError("a number that never ends")


class _Overlaid(io.RawIOBase):
    """A file of which one piece is replaced by another of the same length."""

    def __init__(self, stream: BinaryIO, start: int, piece: bytes) -> None:
        self._stream = stream
        self._start = start
        self._piece = piece

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: Any) -> int:
        at = self._stream.tell()
        found = bytearray(self._stream.read(len(buffer)))
        first, last = max(at, self._start), min(at + len(found), self._start + len(self._piece))
        if first < last:
            found[first - at : last - at] = self._piece[first - self._start : last - self._start]
        buffer[: len(found)] = found
        return len(found)
