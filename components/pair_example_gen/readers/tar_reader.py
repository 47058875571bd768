"""Reads a tar shard as a stream of records and says by name where it is broken.

Python's own tarfile module takes a damaged header in the middle for the end of the archive, so what is lost would be
lost in silence; hence a reader of our own around its header parser.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, cast

from components.files.streams import CHUNK_BYTES, read_up_to
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.images import EXTENSIONS
from components.pair_example_gen.readers.decompression import DamagedCompression

MAX_MEMBER_BYTES = 256 * 1024 * 1024  # of one member held in memory; img2dataset's are some hundred kilobytes
_BLOCK_BYTES = tarfile.BLOCKSIZE
_MAX_DIGITS = 20  # of a number of bytes; Python refuses to read numbers of thousands of digits
_FILE_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_WITHOUT_CONTENT = frozenset(tarfile.SUPPORTED_TYPES) - {*tarfile.REGULAR_TYPES, *tarfile.GNU_TYPES}
_NAME = re.compile(r"(.*/)?([^./]+)\.([^/]*)", re.DOTALL)  # folder, up to the first dot, behind it
_IMAGES, _TEXTS = frozenset(EXTENSIONS), frozenset(("txt", "json"))
_OF_THE_SHARD = (reasons.CORRUPT_SHARD, reasons.SHARD_WITHOUT_END, reasons.DATA_BEHIND_END, reasons.TRUNCATED_MEMBER)
_SPARSE_GOES_ON, _SPARSE_BLOCK_GOES_ON = 482, 504  # where old GNU headers and their further blocks say so
_ANY_SIZE = 1 << 62  # more than a stream holds


@dataclass
class Record:
    """Members of a shard that belong together.

    Attributes:
      key: what their names agree in: see `read_records`.
      members: what follows the key and a dot, in lower case -> content.
      flaw: reason for which the record cannot be used, or "".
      detail: what is known of the flaw.
      start: the byte of the shard from which `read_records` gives it and those beside it again.
    """

    key: str
    members: dict[str, bytes]
    flaw: str = ""
    detail: str = ""
    start: int = field(default=0, compare=False)


class _Member(NamedTuple):
    name: str
    content: bytes
    flaw: str = ""
    detail: str = ""
    start: int = 0  # byte at which its first header begins


class _Counted:
    """A stream that is only read from, and how far it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.passed = stream, 0

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self.passed += len(content)
        return content


def read_records(stream: BinaryIO) -> Iterator[Record]:
    """Yield the records of a shard in order, in the memory of the members that share a name up to the first dot.

    Consecutive members whose names agree up to the first dot of their last part are a record, as WebDataset has it:
    a.jpg, a.seg.png and a.json. Only an image and a text that agree up to a later dot, the last one, are a record of
    their own: IMG_1.edited.jpg and IMG_1.edited.txt beside IMG_1.jpg and IMG_1.txt. A name that comes twice begins a
    second record: shards that were appended to hold a record twice. Folders are passed over.

    What is lost is a record without members whose `flaw` says why: a file that belongs to no record, since its name has
    no dot or begins with one, and what a shard ends with that breaks off.

    Args:
      stream: the shard, uncompressed; only read from, never sought in.
    """
    group = _Group("", 0)
    for member in _read_members(stream):
        match = _NAME.fullmatch(member.name)
        if not match:
            if member.flaw in _OF_THE_SHARD:
                yield from group.records()
                group = _Group("", member.start)
            flaw = member.flaw or reasons.UNUSED_MEMBER
            yield Record(member.name, {}, flaw, member.detail or "a name without a key", member.start)
            continue
        folder, first, rest = match.groups(default="")
        if not group.add(folder + first, rest, member):
            yield from group.records()
            group = _Group(folder + first, member.start)
            group.add(folder + first, rest, member)
    yield from group.records()


class _Group:
    """Consecutive members whose names agree up to the first dot of their last part.

    Its "stems" are what names have between that dot and their extension: "" of a.jpg, "seg." of a.seg.png.
    """

    def __init__(self, key: str, start: int) -> None:
        self._key, self._start = key, start
        self._size = 0  # bytes of content
        self._names: set[str] = set()
        self._stems: dict[str, Record] = {}

    def add(self, key: str, rest: str, member: _Member) -> bool:
        """Take a member, or say that it does not belong here; `rest` is what follows its key and a dot."""
        lower = rest.lower()
        if key != self._key or lower in self._names:
            return False
        stem, dot, _ = rest.rpartition(".")
        record = self._stems.get(stem + dot)
        if record is None:
            if self._size > MAX_MEMBER_BYTES:  # 2021.05.jpg, and all others of that year
                return False
            record = self._stems[stem + dot] = Record(f"{key}.{stem}" if dot else key, {}, start=self._start)
        record.members[lower.rpartition(".")[2]] = member.content
        if member.flaw:
            record.flaw, record.detail = member.flaw, member.detail
        self._names.add(lower)
        self._size += len(member.content)
        return True

    def records(self) -> Iterator[Record]:
        """Yield each image that has a text up to its last dot, and what is left as one record."""
        left = self._stems.pop("", None) or Record(self._key, {}, start=self._start)
        for stem, record in self._stems.items():
            if not _TEXTS.isdisjoint(record.members) and not _IMAGES.isdisjoint(record.members):
                yield record
                continue
            for extension, content in record.members.items():
                left.members[stem.lower() + extension] = content
            if record.flaw:
                left.flaw, left.detail = record.flaw, record.detail
        if left.members:
            yield left


def _read_members(stream: BinaryIO) -> Iterator[_Member]:
    """Yield the files of a tar; a flawed last one tells how the archive breaks off."""
    counted, start = _Counted(stream), 0
    try:
        for member in _read_sound_members(cast(BinaryIO, counted)):
            yield member._replace(start=start)
            start = counted.passed
    except (tarfile.HeaderError, DamagedCompression) as error:
        yield _Member("", b"", reasons.CORRUPT_SHARD, str(error), start)


def _read_sound_members(stream: BinaryIO) -> Iterator[_Member]:
    long_name = ""
    pax: dict[str, str] = {}
    ended = False  # whether zeros stand before: behind them another archive may begin, as `tar -i` has it
    while True:
        header = read_up_to(stream, _BLOCK_BYTES)
        if not header:
            if not ended:
                yield _Member("", b"", reasons.SHARD_WITHOUT_END, "the file stops where another member could begin")
            return
        if not header.strip(b"\0") and (ended or len(header) == _BLOCK_BYTES):
            ended, long_name, pax = True, "", {}
            continue
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if not ended:
                raise
            size = len(header) + _skip(stream, _ANY_SIZE)
            yield _Member("", b"", reasons.DATA_BEHIND_END, f"{size} bytes behind the end are no tar ({error})")
            return
        ended = False
        name = pax.get("GNU.sparse.name") or pax.get("path") or long_name or info.name
        if info.type == tarfile.GNUTYPE_SPARSE:
            _skip_map(stream, header)
        size = int(pax["size"]) if pax.get("size", "").isdecimal() else info.size
        if info.type in _WITHOUT_CONTENT:
            size = 0
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
        content = read_up_to(stream, size)
        if len(content) < size:
            yield _Member(name, b"", reasons.TRUNCATED_MEMBER, f"{len(content)} of its {size} bytes are there")
            return
        read_up_to(stream, padded - size)
        if info.type == tarfile.GNUTYPE_LONGNAME:
            long_name = _text(content.rstrip(b"\0"))
        elif info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
            pax = _parse_pax(content)
        elif info.type not in (tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE):
            if info.type != tarfile.DIRTYPE:
                special = _special(info, pax)
                yield _Member(name, b"", reasons.SPECIAL_MEMBER, special) if special else _Member(name, content)
            long_name, pax = "", {}


def _special(info: tarfile.TarInfo, pax: Mapping[str, str]) -> str:
    """Returns what is special about a member whose content does not stand in the shard as it is, or ""."""
    if info.type in _FILE_TYPES and not pax:
        return ""
    if info.type in (tarfile.LNKTYPE, tarfile.SYMTYPE):
        return f"a link to {info.linkname!r}; store the file itself (tar --hard-dereference --dereference)"
    if info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse") for key in pax):
        return "a sparse file; store it whole (tar without --sparse)"
    return "" if info.type in _FILE_TYPES else f"of type {info.type!r}, no file"


def _skip_map(stream: BinaryIO, header: bytes) -> None:
    """Pass over the blocks that hold more of an old GNU sparse file's map."""
    goes_on = header[_SPARSE_GOES_ON]
    while goes_on:
        block = read_up_to(stream, _BLOCK_BYTES)
        goes_on = len(block) == _BLOCK_BYTES and block[_SPARSE_BLOCK_GOES_ON]


def _parse_pax(content: bytes) -> dict[str, str]:
    """Returns path, size and what GNU says of sparse files of a pax header: b"<length> <key>=<value>\\n", repeated."""
    found = {}
    while content:
        length, _, rest = content.partition(b" ")
        if not length[:_MAX_DIGITS].isdigit() or not len(length) + 2 <= int(length[:_MAX_DIGITS]) <= len(content):
            raise tarfile.HeaderError("a pax record has a wrong length")
        key, _, value = rest[: int(length) - len(length) - 2].partition(b"=")
        if key == b"size" and len(value) > _MAX_DIGITS:
            raise tarfile.HeaderError("a pax record has a size that no file has")
        if key in (b"path", b"size") or key.startswith(b"GNU.sparse"):
            found[_text(key)] = _text(value)
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
