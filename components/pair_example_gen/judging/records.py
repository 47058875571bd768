"""Judges the image, the captions and the label of a raw record, whatever format it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.images import Prepared, prepare
from components.pair_example_gen.judging.language_tags import language_tag
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.raw_record import MAX_IMAGE_BYTES, RawRecord
from components.schema import NO_LABEL, UNKNOWN_LANGUAGE


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
      noted: what was wrong with a usable one's language.
    """

    kept: list[Caption] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    noted: list[Refused] = field(default_factory=list)


def read_picture(record: RawRecord, max_pixels: int, check: Callable[[bytes], object]) -> Prepared:
    """Returns the image of a record, checked and transcoded by `images.prepare`.

    A record whose metadata is no JSON or ambiguous is judged by its image first, as one whose metadata is sound.

    Raises:
      Refused: with the record's own flaw, no_image, member_too_large or a reason of `images.prepare`.
    """
    if record.flaw and record.flaw not in reasons.OF_METADATA:
        raise Refused(record.flaw, record.detail)
    if record.image is None:
        raise Refused(reasons.NO_IMAGE, record.detail)
    if len(record.image) > MAX_IMAGE_BYTES:
        raise Refused(reasons.MEMBER_TOO_LARGE, f"{len(record.image)} bytes, above {MAX_IMAGE_BYTES}")
    picture = prepare(record.image, record.extension, max_pixels, check)
    if record.flaw:
        raise Refused(record.flaw, record.detail)
    return picture


def read_captions(
    values: Mapping[str, object], captions: Mapping[str, str], language_field: str | None = None
) -> Captions:
    """Read the caption fields of a record.

    A field that is absent holds no caption. Each text of a list is a caption. White space around a caption is cut off.
    A language that is stated and is no language tag is noted, and the caption kept as of unknown language.

    Args:
      values: the record's fields.
      captions: caption field -> language tag where the record states none, as `ingest.captions` has it.
      language_field: field with the language, a text for all captions or a list as long as theirs; None for none.
    """
    found = Captions()
    languages = _list(values, language_field)
    for name, tag in captions.items():
        texts = _list(values, name)
        stated = languages * len(texts) if len(languages) == 1 else languages
        for index, value in enumerate(texts):
            try:
                text = _clean(value)
            except Refused as refused:
                found.refused.append(refused)
                continue
            try:
                if len(stated) not in (0, len(texts)) and any(map(_is_stated, stated)):
                    detail = f"{len(stated)} languages for the {len(texts)} captions in {name}"
                    raise Refused(reasons.LANGUAGE_UNKNOWN, detail)
                language = _read_language(stated[index]) if stated and _is_stated(stated[index]) else tag
            except Refused as refused:
                found.noted.append(refused)
                language = UNKNOWN_LANGUAGE
            found.kept.append(Caption(text, language))
    return found


def read_label(values: Mapping[str, object], label_field: str | None) -> str:
    """Returns the class of a record, or NO_LABEL where it has none.

    Raises:
      Refused: with label_not_text, where the field holds something else than one text.
    """
    found = values.get(label_field) if label_field else None
    if isinstance(found, (list, tuple)) and len(found) == 1:  # as a tf.train.Example has it
        found = found[0]
    label = found.decode("utf-8", "surrogateescape") if isinstance(found, bytes) else found
    if label is None:
        return NO_LABEL
    if not isinstance(label, str) or not _is_unicode(label):
        raise Refused(reasons.LABEL_NOT_TEXT, f"{label_field} is {str(found)[:80]!r}")
    return label.strip()


def read_name(values: Mapping[str, object], field_name: str | None) -> str:
    """Returns the text or number in the field that names a record in messages, or "" where it has none."""
    value = next(iter(_list(values, field_name)), None)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    try:
        return _clean(value)
    except Refused:
        return ""


def split_of(identity: bytes, shares: Mapping[str, int]) -> str:
    """Choose a split by SHA-256, in proportion to the shares.

    Args:
      identity: what must never straddle two splits, such as an image's bytes.
      shares: split name -> integer weight.
    """
    if len(shares) == 1:
        return next(iter(shares))
    place = int.from_bytes(hashlib.sha256(identity).digest()[:8], "big") % sum(shares.values())
    for name, share in shares.items():
        place -= share
        if place < 0:
            return name
    raise ValueError(f"shares are {dict(shares)}; each must be at least 1")


def _list(values: Mapping[str, object], name: str | None) -> list[object]:
    """Returns a field's values; none where the field is absent."""
    if name is None or name not in values:
        return []
    value = values[name]
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _is_stated(language: object) -> bool:
    """Says whether a language field's value states any: null, blank text and pandas' NaN do not."""
    is_blank = isinstance(language, (str, bytes)) and not language.strip()
    return language is not None and not is_blank and language == language


def _read_language(value: object) -> str:
    """Returns a stated language's tag; raises Refused with language_unknown where it is none."""
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    tag = language_tag(text) if isinstance(text, str) else None
    if tag is None:
        raise Refused(reasons.LANGUAGE_UNKNOWN, f"{str(text)[:80]!r} is no language tag, such as 'en'")
    return tag


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
        raise Refused(reasons.NOT_UTF8, f"{value[:40]!r} holds half of a surrogate pair or is not UTF-8")
    text = value.strip()
    if not text:
        raise Refused(reasons.EMPTY, "no character but white space")
    return text


def _is_unicode(text: str) -> bool:
    """Returns whether a string can be written as UTF-8, which JSON's escapes allow to break."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
