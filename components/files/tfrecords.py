"""The framing of TFRecord files: length, checksum, content, checksum. Imports no TensorFlow, and knows no file system.

Reference: https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c

from components.files.streams import read_up_to

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")


def read_records(stream: BinaryIO, max_bytes: int | None = None) -> Iterator[bytes | None]:
    """Yield the content of each record, or None where its checksum is wrong.

    Args:
      stream: a file, uncompressed.
      max_bytes: of a record; None sets no limit.

    Raises:
      ValueError: where the file breaks off, or what stands there is no record.
    """
    while header := read_up_to(stream, _HEADER.size):
        if len(header) < _HEADER.size:
            raise ValueError(f"a header of {len(header)} bytes where one has {_HEADER.size}")
        size, checksum = _HEADER.unpack(header)
        if _masked_crc32c(header[:8]) != checksum:
            raise ValueError("the checksum of a record's length is wrong, or the file is compressed without .gz")
        if max_bytes is not None and size > max_bytes:
            raise ValueError(f"a record of {size} bytes, above {max_bytes}")
        content = read_up_to(stream, size)
        footer = read_up_to(stream, _CHECKSUM.size)
        if len(footer) < _CHECKSUM.size:
            raise ValueError(f"{len(content) + len(footer)} bytes of a record of {size + _CHECKSUM.size} are there")
        yield content if _masked_crc32c(content) == _CHECKSUM.unpack(footer)[0] else None


def framing(content: bytes) -> tuple[bytes, bytes]:
    """Returns what stands before and behind the content of a record."""
    length = len(content).to_bytes(8, "little")
    return length + _CHECKSUM.pack(_masked_crc32c(length)), _CHECKSUM.pack(_masked_crc32c(content))


def _masked_crc32c(content: bytes) -> int:
    checksum = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
