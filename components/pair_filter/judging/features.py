"""What the filter reads of an Example: `features` is its mapping of names to values."""

from __future__ import annotations

from collections.abc import Mapping

from components import schema
from components.image_fingerprint import Fingerprint, read
from components.pair_filter.judging.rules import ImageFacts


def bytes_of(features: Mapping, name: str) -> bytes:
    """Returns the only value of a feature of bytes."""
    return features[name].bytes_list.value[0]


def caption_texts(features: Mapping) -> list[str]:
    """Returns the captions; bytes that are not UTF-8 read as replacement characters."""
    return [text.decode("utf-8", "replace") for text in features[schema.CAPTION_TEXT].bytes_list.value]


def caption_languages(features: Mapping) -> list[str]:
    """Returns the language of each caption, "und" where none is stated."""
    captions = len(features[schema.CAPTION_TEXT].bytes_list.value)
    tags = [tag.decode("utf-8", "replace") for tag in features[schema.CAPTION_LANGUAGE].bytes_list.value[:captions]]
    return [tag or schema.UNKNOWN_LANGUAGE for tag in tags] + [schema.UNKNOWN_LANGUAGE] * (captions - len(tags))


def carried_fingerprint(features: Mapping) -> Fingerprint | None:
    """Returns the image's fingerprint as ingest computed it, or None where there is none to compare by here."""
    if schema.IMAGE_FINGERPRINT not in features:
        return None
    values = features[schema.IMAGE_FINGERPRINT].bytes_list.value
    return read(values[0]) if len(values) == 1 else None


def image_size(features: Mapping) -> ImageFacts:
    """Returns what the rules on sizes need."""
    return ImageFacts(
        width=features[schema.IMAGE_WIDTH].int64_list.value[0], height=features[schema.IMAGE_HEIGHT].int64_list.value[0]
    )
