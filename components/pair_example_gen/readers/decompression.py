"""Decompresses a file piece by piece, in memory that its content cannot choose.

Beam decompresses 16 MiB at a time, which of a gzip bomb are 16 GiB and of a bzip2 bomb far more.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import BinaryIO, Protocol, cast

import zstandard  # Beam's own dependency

_MAX_WINDOW_BYTES = 128 * 1024 * 1024  # of zstd: what `zstd --long` writes and reads
_OF_BZ2 = "Invalid data stream"  # the only sign that tells bz2's OSError from one of the file system


class _Reader(Protocol):
    """What each library's file object has."""

    def read1(self, size: int, /) -> bytes: ...


class DamagedCompression(ValueError):
    """A compressed file that is broken or breaks off."""


def _open_gzip(stream: BinaryIO) -> _Reader:
    return gzip.GzipFile(fileobj=stream, mode="rb")


def _open_zstd(stream: BinaryIO) -> _Reader:
    return zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).stream_reader(stream, read_across_frames=True)


_OPENERS: Mapping[str, Callable[[BinaryIO], _Reader]] = {
    ".gz": _open_gzip,
    ".tgz": _open_gzip,
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".lzma": lzma.LZMAFile,
    ".zst": _open_zstd,
    ".zstd": _open_zstd,
}

_STARTS = {b"\x1f\x8b\x08": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\0": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
START_BYTES = max(map(len, _STARTS))


def is_compressed(path: str) -> bool:
    """Says by a file's name whether it is compressed, and so can only be read from its start."""
    return path.lower().endswith(tuple(_OPENERS))


def missing_suffix(path: str, start: bytes) -> str | None:
    """Returns what the name of a compressed file lacks to say so, or null.

    Args:
      path: its name.
      start: its first START_BYTES bytes.
    """
    return None if is_compressed(path) else next((of for begin, of in _STARTS.items() if start.startswith(begin)), None)


def decompressed(stream: BinaryIO, path: str) -> BinaryIO:
    """Returns the content of a file for which `is_compressed` holds, as a stream that can only be read from.

    Args:
      stream: the file as it is.
      path: its name, whose end tells the compression.
    """
    opener = next(opener for suffix, opener in _OPENERS.items() if path.lower().endswith(suffix))
    return cast(BinaryIO, Decompressed(opener(stream)))


class Decompressed:
    """A stream. What stands before the damage comes out before the damage is told."""

    def __init__(self, stream: _Reader) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        """Returns at most `size` bytes, fewer also before the end; none at the end.

        Raises:
          DamagedCompression: where nothing comes out any more before the file's proper end.
        """
        try:
            return self._stream.read1(size)
        except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zstandard.ZstdError) as error:
            raise DamagedCompression(str(error)) from error
        except OSError as error:
            if error.args != (_OF_BZ2,):
                raise
            raise DamagedCompression(str(error)) from error
