"""Turns a shard's records into image and fields: the .txt member and the keys of the .json member."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import BinaryIO

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.image_paths import is_unsafe
from components.pair_example_gen.judging.images import EXTENSIONS
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.raw_record import Part, RawRecord
from components.pair_example_gen.readers.json_objects import RepeatedKey, to_dict
from components.pair_example_gen.readers.tar_reader import Record, read_records

TEXT_FIELD = "txt"  # the caption field that is a member of its own; every other is a key of the .json member


def read_tar(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield the records of a shard, which is always one part; nothing is ever written to disk."""
    wants_json = bool({*config.named_fields} - {TEXT_FIELD})
    for record in read_records(stream):
        yield to_raw_record(record, wants_json)
        for extension in unused_images(record):
            detail = f"its record {record.key[:80]!r} has another image"
            flaw = reasons.UNUSED_MEMBER
            yield RawRecord(f"{record.key}.{extension}", flaw=flaw, detail=detail, start=record.start)


def to_raw_record(record: Record, wants_json: bool) -> RawRecord:
    """Choose a record's image and gather its fields; a .json member that nobody asks for is not read.

    A record whose .json member is unusable keeps its image and its .txt and has the flaw metadata_not_json or
    duplicate_key.
    """
    extension = image_member(record)
    fields: dict[str, object] = {}
    flaw, detail = record.flaw, record.detail
    if not flaw and is_unsafe(record.key):
        flaw, detail = reasons.UNSAFE_NAME, "the name is absolute or climbs out of its folder"
    if not extension and not flaw:
        detail = f"members: {', '.join(sorted(record.members)) or 'none'}{_other_name(record)}"
    if not flaw and wants_json:
        try:
            fields.update(read_metadata(record))
        except Refused as refused:
            flaw, detail = refused.reason, refused.detail
    elif not flaw and TEXT_FIELD not in record.members:
        with contextlib.suppress(Refused):
            fields.update(read_metadata(record))  # which tells the user what to ask for
    fields.pop(TEXT_FIELD, None)
    if TEXT_FIELD in record.members:
        fields[TEXT_FIELD] = record.members[TEXT_FIELD]
    image = record.members.get(extension)
    return RawRecord(record.key, image, extension, fields=fields, flaw=flaw, detail=detail, start=record.start)


def image_member(record: Record) -> str:
    """Returns the extension of the member that holds the image, or ""."""
    return next((extension for extension in record.members if extension in EXTENSIONS), "")


def _other_name(record: Record) -> str:
    """Returns "; ..." where the image is called <key>.<something>.jpg, else ""."""
    longer = next((name for name in record.members if name.rpartition(".")[2] in EXTENSIONS), "")
    return f"; the image is read where its name is <key>.{longer.rpartition('.')[2]}" if longer else ""


def unused_images(record: Record) -> list[str]:
    """Returns the extensions of a record's images beside the one that is used, none where none is."""
    images = [extension for extension in record.members if extension.rpartition(".")[2] in EXTENSIONS]
    used = image_member(record) if len(images) > 1 else ""
    return [extension for extension in images if used and extension != used]


def read_metadata(record: Record) -> dict:
    """Returns the .json member as a mapping; empty where the record has none.

    Raises:
      Refused: with metadata_not_json, where it is not an object in JSON, or duplicate_key, where that has a key twice.
    """
    if "json" not in record.members:
        return {}
    try:
        metadata = json.loads(record.members["json"].decode("utf-8-sig"), object_pairs_hook=to_dict)
    except (ValueError, RecursionError) as error:  # bytes that are not UTF-8 raise a ValueError too
        raise Refused(reasons.METADATA_NOT_JSON, str(error)) from error
    if not isinstance(metadata, dict):
        raise Refused(reasons.METADATA_NOT_JSON, f"the .json member is a {type(metadata).__name__}, not an object")
    if isinstance(metadata, RepeatedKey):
        raise Refused(reasons.DUPLICATE_KEY, f"the .json member has {metadata.key[:80]!r} twice")
    return metadata
