"""Reads a tar shard as a stream of records and says by name where it is broken.

Python's own tarfile module takes a damaged header in the middle for the end of the archive, so what is lost would be
lost in silence; hence a reader of our own around its header parser.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from components.pair_example_gen import reasons
from components.pair_example_gen.decompression import DamagedCompression
from components.streams import CHUNK_BYTES, read_up_to

MAX_MEMBER_BYTES = 256 * 1024 * 1024  # of one member held in memory; img2dataset's are some hundred kilobytes
_BLOCK_BYTES = tarfile.BLOCKSIZE
_MAX_DIGITS = 20  # of a number of bytes; Python refuses to read numbers of thousands of digits
_FILE_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_KEY_AND_EXTENSION = re.compile(r"((?:.*/)?[^./][^./]*)\.([^/]*)", re.DOTALL)


@dataclass
class Record:
    """Consecutive members of a shard that share a key.

    Attributes:
      key: the members' path up to the first dot of its last part, as WebDataset has it.
      members: extension in lower case, without the leading dot -> content.
      flaw: reason for which the record cannot be used, or "".
      detail: what is known of the flaw.
    """

    key: str
    members: dict[str, bytes]
    flaw: str = ""
    detail: str = ""


@dataclass(frozen=True)
class _Member:
    name: str
    content: bytes
    flaw: str = ""
    detail: str = ""


def read_records(stream: BinaryIO) -> Iterator[Record]:
    """Yield the records of a shard in order, in the memory of one record.

    Members that are no files, and files without a dot or starting with one, belong to no record. An extension that
    comes twice under one key begins a second record: shards that were appended to hold a record twice. A shard that
    breaks off ends with a record whose `flaw` says how.

    Args:
      stream: the shard, uncompressed; only read from, never sought in.
    """
    record: Record | None = None
    for member in _read_members(stream):
        match = _KEY_AND_EXTENSION.fullmatch(member.name)
        if member.flaw in (reasons.CORRUPT_SHARD, reasons.SHARD_WITHOUT_END):
            if record:
                yield record
            yield Record("", {}, member.flaw, member.detail)
            return
        if not match:
            if member.flaw == reasons.TRUNCATED_MEMBER:
                if record:
                    yield record
                yield Record(member.name, {}, member.flaw, member.detail)
                return
            continue
        key, extension = match[1], match[2].lower()
        if record and (record.key != key or extension in record.members):
            yield record
            record = None
        record = record or Record(key, {})
        record.members[extension] = member.content
        if member.flaw:
            record.flaw, record.detail = member.flaw, member.detail
    if record:
        yield record


def _read_members(stream: BinaryIO) -> Iterator[_Member]:
    """Yield the files of a tar; a flawed last one tells how the archive breaks off."""
    try:
        yield from _read_sound_members(stream)
    except (tarfile.HeaderError, DamagedCompression) as error:
        yield _Member("", b"", reasons.CORRUPT_SHARD, str(error))


def _read_sound_members(stream: BinaryIO) -> Iterator[_Member]:
    long_name = ""
    pax: dict[str, str] = {}
    while True:
        header = read_up_to(stream, _BLOCK_BYTES)
        if not header:
            yield _Member("", b"", reasons.SHARD_WITHOUT_END, "the file stops where another member could begin")
            return
        if len(header) == _BLOCK_BYTES and not header.strip(b"\0"):
            return
        if len(header) < _BLOCK_BYTES:
            yield _Member("", b"", reasons.CORRUPT_SHARD, f"a header of {len(header)} bytes where one has 512")
            return
        info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        name = pax.get("path") or long_name or info.name
        size = int(pax["size"]) if pax.get("size", "").isdecimal() else info.size
        if size < 0:
            raise tarfile.HeaderError(f"a member has {size} bytes")
        padded = size + -size % _BLOCK_BYTES
        if size > MAX_MEMBER_BYTES:
            if _skip(stream, padded) < size:
                yield _Member(name, b"", reasons.TRUNCATED_MEMBER, f"the file ends inside its {size} bytes")
                return
            yield _Member(name, b"", reasons.MEMBER_TOO_LARGE, f"{size} bytes, above {MAX_MEMBER_BYTES}")
            long_name, pax = "", {}
            continue
        content = read_up_to(stream, padded)
        if len(content) < size:
            yield _Member(name, b"", reasons.TRUNCATED_MEMBER, f"{len(content)} of its {size} bytes are there")
            return
        content = content[:size]
        if info.type == tarfile.GNUTYPE_LONGNAME:
            long_name = _text(content.rstrip(b"\0"))
        elif info.type == tarfile.XHDTYPE:
            pax = _parse_pax(content)
        elif info.type not in (tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE):
            if info.type in _FILE_TYPES:
                yield _Member(name, content)
            long_name, pax = "", {}


def _parse_pax(content: bytes) -> dict[str, str]:
    """Returns the "path" and "size" of a pax header, whose records read b"<length> <key>=<value>\\n"."""
    found = {}
    while content:
        length, _, rest = content.partition(b" ")
        if not length[:_MAX_DIGITS].isdigit() or not len(length) + 2 <= int(length[:_MAX_DIGITS]) <= len(content):
            raise tarfile.HeaderError("a pax record has a wrong length")
        key, _, value = rest[: int(length) - len(length) - 2].partition(b"=")
        if key == b"size" and len(value) > _MAX_DIGITS:
            raise tarfile.HeaderError("a pax record has a size that no file has")
        if key in (b"path", b"size"):
            found[key.decode()] = _text(value)
        content = content[int(length) :]
    return found


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _skip(stream: BinaryIO, size: int) -> int:
    """Returns how many of `size` bytes could be passed over."""
    passed = 0
    while passed < size and (chunk := stream.read(min(size - passed, CHUNK_BYTES))):
        passed += len(chunk)
    return passed
