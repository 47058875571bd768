"""Reads tf.train.Examples from a TFRecord file and says by name where it is broken.

The framing is read here, not by TensorFlow, so that a file may lie on any file system that Beam reads, and a record
with a wrong checksum does not end the file.
Reference: https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

import google_crc32c
from google.protobuf.message import DecodeError
from tensorflow.core.example.example_pb2 import Example

from components.pair_example_gen import reasons
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.raw_record import MAX_IMAGE_BYTES, Part, RawRecord
from components.pair_example_gen.streams import read_up_to


def read_tfrecord(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield the Examples of a file, which is always one part, uncompressed."""
    number = 0
    try:
        for number, payload in enumerate(_payloads(stream)):
            if payload is None:
                detail = "the checksum of its content is wrong"
                yield RawRecord(f"record {number}", flaw=reasons.DAMAGED_RECORD, detail=detail)
            else:
                yield _to_raw_record(number, payload, config.image_column)
    except ValueError as error:  # DamagedCompression is one
        yield RawRecord(f"behind record {number}", flaw=reasons.CORRUPT_FILE, detail=str(error))


def _payloads(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield each record's content, or None where its checksum is wrong; raises ValueError where the file breaks off."""
    while header := read_up_to(stream, 12):
        if len(header) < 12:
            raise ValueError(f"a header of {len(header)} bytes where one has 12")
        size, checksum = struct.unpack("<QI", header)
        if _masked(header[:8]) != checksum:
            raise ValueError("the checksum of a record's length is wrong, or the file is compressed without .gz")
        if size > 2 * MAX_IMAGE_BYTES:
            raise ValueError(f"a record of {size} bytes, above {2 * MAX_IMAGE_BYTES}")
        content = read_up_to(stream, size + 4)
        if len(content) < size + 4:
            raise ValueError(f"{len(content)} bytes of a record of {size + 4} are there")
        yield content[:size] if _masked(content[:size]) == struct.unpack("<I", content[size:])[0] else None


def _masked(content: bytes) -> int:
    checksum = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _to_raw_record(number: int, payload: bytes, image_field: str) -> RawRecord:
    name = f"record {number}"
    try:
        features = Example.FromString(payload).features.feature
    except DecodeError:
        return RawRecord(name, flaw=reasons.DAMAGED_RECORD, detail="it holds no tf.train.Example")
    fields: dict[str, object] = {}
    for key in features:
        kind = features[key].WhichOneof("kind")
        fields[key] = list(getattr(features[key], kind).value) if kind else []
    found = fields.pop(image_field, [])
    image = found[0] if isinstance(found, list) and len(found) == 1 and isinstance(found[0], bytes) else None
    detail = "" if image else f"{image_field!r} is not one value of bytes; other features: {', '.join(sorted(fields))}"
    return RawRecord(name, image or None, fields=fields, detail=detail)
