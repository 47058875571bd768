"""Reads tf.train.Examples from a TFRecord file and says by name where it is broken.

The framing is read here, not by TensorFlow, so that a file may lie on any file system that Beam reads, and a record
with a wrong checksum does not end the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from google.protobuf.message import DecodeError

from components.files.tf_example import Example
from components.files.tfrecords import read_records
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.raw_record import MAX_IMAGE_BYTES, Part, RawRecord


def read_tfrecord(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield the Examples of a file, which is always one part, uncompressed."""
    number = 0
    try:
        for number, payload in enumerate(read_records(stream, 2 * MAX_IMAGE_BYTES)):
            if payload is None:
                detail = "the checksum of its content is wrong"
                yield RawRecord(f"record {number}", flaw=reasons.DAMAGED_RECORD, detail=detail)
            else:
                yield _to_raw_record(number, payload, config.image_column)
    except ValueError as error:  # DamagedCompression is one
        yield RawRecord(f"behind record {number}", flaw=reasons.CORRUPT_FILE, detail=str(error))


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
