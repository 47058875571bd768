"""Turns a record of a shard into one image with its captions, or says why not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from components.pair_example_gen import reasons
from components.pair_example_gen.images import EXTENSIONS, Picture, prepare
from components.pair_example_gen.reasons import Refused
from components.pair_example_gen.tar_reader import Record
from components.schema import NO_LABEL

TEXT_FIELD = "txt"  # the caption field that is a member of its own; every other is a key of the .json member


@dataclass(frozen=True)
class Caption:
    """A caption and its BCP 47 language tag."""

    text: str
    language: str


@dataclass
class Captions:
    """What the caption fields of one record held.

    Attributes:
      kept: the usable ones, in the order of `ingest.captions`.
      refused: the others.
    """

    kept: list[Caption] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def read_picture(record: Record, max_pixels: int, check: Callable[[bytes], object]) -> Picture:
    """Returns the image of a record, checked and transcoded by `images.prepare`.

    Raises:
      Refused: with the record's own flaw, no_image, or a reason of `images.prepare`.
    """
    if record.flaw:
        raise Refused(record.flaw, record.detail)
    found = image_member(record)
    if not found:
        raise Refused(reasons.NO_IMAGE, f"members: {', '.join(sorted(record.members)) or 'none'}")
    return prepare(record.members[found], found, max_pixels, check)


def image_member(record: Record) -> str:
    """Returns the extension of the member that holds the image, or ""."""
    return next((extension for extension in record.members if extension in EXTENSIONS), "")


def read_metadata(record: Record, captions: Mapping[str, str], label_field: str) -> dict:
    """Returns the .json member as a mapping; empty where no field of it is asked for or the record has none.

    Raises:
      Refused: with metadata_not_json, where it is asked for and is not an object in JSON.
    """
    if not (label_field or any(name != TEXT_FIELD for name in captions)) or "json" not in record.members:
        return {}
    try:
        metadata = json.loads(record.members["json"].decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # bytes that are not UTF-8 raise a ValueError too
        raise Refused(reasons.METADATA_NOT_JSON, str(error)) from error
    if not isinstance(metadata, dict):
        raise Refused(reasons.METADATA_NOT_JSON, f"the .json member is a {type(metadata).__name__}, not an object")
    return metadata


def read_captions(record: Record, metadata: Mapping, fields: Mapping[str, str]) -> Captions:
    """Read the caption fields of a record.

    A field that is absent holds no caption. Each string of a list is a caption of that field's language. White space
    around a caption is cut off.

    Args:
      record: where the .txt member is.
      metadata: the .json member.
      fields: caption field -> language tag, as `ingest.captions` has it.
    """
    captions = Captions()
    for name, language in fields.items():
        for value in _values(record, metadata, name):
            try:
                captions.kept.append(Caption(_clean(value), language))
            except Refused as refused:
                captions.refused.append(refused)
    return captions


def read_label(metadata: Mapping, label_field: str) -> str:
    """Returns the class of a record, or NO_LABEL where it has none.

    Raises:
      Refused: with label_not_text, where the field holds something else than a text.
    """
    label = metadata.get(label_field) if label_field else None
    if label is None:
        return NO_LABEL
    if not isinstance(label, str) or not _is_unicode(label):
        raise Refused(reasons.LABEL_NOT_TEXT, f"{label_field} is {label!r}")
    return label.strip()


def split_of(identity: bytes, shares: Mapping[str, int]) -> str:
    """Choose a split by SHA-256, in proportion to the shares.

    Args:
      identity: what must never straddle two splits, such as an image's bytes.
      shares: split name -> integer weight.
    """
    place = int.from_bytes(hashlib.sha256(identity).digest()[:8], "big") % sum(shares.values())
    for name, share in shares.items():
        place -= share
        if place < 0:
            return name
    raise ValueError(f"shares are {dict(shares)}; each must be at least 1")


def _values(record: Record, metadata: Mapping, name: str) -> Iterator[object]:
    if name == TEXT_FIELD:
        if TEXT_FIELD in record.members:
            yield record.members[TEXT_FIELD]
    elif name in metadata:
        value = metadata[name]
        yield from value if isinstance(value, list) else [value]


def _clean(value: object) -> str:
    """Returns a caption's text; raises Refused with not_utf8, not_text or empty."""
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(reasons.NOT_UTF8, f"{value[:40]!r}, at byte {error.start}") from error
    if value is None:
        raise Refused(reasons.EMPTY, "null")
    if not isinstance(value, str):
        raise Refused(reasons.NOT_TEXT, f"{str(value)[:80]!r} is a {type(value).__name__}")
    if not _is_unicode(value):
        raise Refused(reasons.NOT_UTF8, f"{value[:40]!r} holds half of a surrogate pair")
    text = value.strip()
    if not text:
        raise Refused(reasons.EMPTY, "no character but white space")
    return text


def _is_unicode(text: str) -> bool:
    """Returns whether a string can be written as UTF-8, which JSON's escapes allow to break."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
