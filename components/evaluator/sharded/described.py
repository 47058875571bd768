"""What an Example tells beside its picture and its texts: the class, the languages, and where it came from."""

from __future__ import annotations

from typing import NamedTuple

from components.evaluator.metrics.slices import source_of
from components.files.tf_example import Example
from components.schema import CAPTION_LANGUAGE, CAPTION_TEXT, CLASS_LABEL, RECORD_NAME, UNKNOWN_LANGUAGE


class Described(NamedTuple):
    """An Example's class or "", the language of each caption, and its source."""

    label: str
    languages: list[str]
    source: str


def describe(serialized: bytes) -> Described:
    """Returns what a serialized Example tells; a caption whose language it does not know is UNKNOWN_LANGUAGE."""
    features = Example.FromString(serialized).features.feature
    captions = len(features[CAPTION_TEXT].bytes_list.value)
    languages = [_text(value) or UNKNOWN_LANGUAGE for value in features[CAPTION_LANGUAGE].bytes_list.value]
    label, record = (_text(b"".join(features[name].bytes_list.value)) for name in (CLASS_LABEL, RECORD_NAME))
    return Described(label, (languages + [UNKNOWN_LANGUAGE] * captions)[:captions], source_of(record))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
