"""Reads Karpathy's splits of MSCOCO and Flickr30K: {"images": [{"filename", "split", "sentences", ...}, ...]}.

Reference: https://cs.stanford.edu/people/karpathy/deepimagesent. MSCOCO's images have a "filepath" too, the folder
train2014 or val2014, and a "cocoid"; Flickr30K's lie in one folder.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.raw_record import Part, RawRecord, extension_of
from components.pair_example_gen.readers.json_objects import RepeatedKey, to_dict

IMAGES = "images"
MAX_ELEMENT_CHARACTERS = 4 * 1024 * 1024  # of one image's entry, which has some kilobytes
_CHUNK_BYTES = 256 * 1024


def read_karpathy(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield every part.count-th image from part.index on; the JSON is read in the memory of one entry.

    Where the JSON breaks off, the first part ends with a record whose flaw is corrupt_file.
    """
    number = -1
    try:
        for number, element in enumerate(elements(stream)):
            if number % part.count == part.index:
                yield _to_raw_record(number, element, config)
    except (ValueError, RecursionError) as error:  # DamagedCompression is a ValueError
        if not part.index:
            yield RawRecord(f"behind image {number}", flaw=reasons.CORRUPT_FILE, detail=str(error)[:200])


def elements(stream: BinaryIO) -> Iterator[Any]:
    """Yield the elements of the list under "images" of a JSON object, one at a time.

    Raises:
      ValueError: where the JSON is broken, or has no such list.
    """
    text = _Text(stream)
    text.expect("{")
    while text.peek() != "}":
        key = text.value()
        text.expect(":")
        if key == IMAGES:
            text.expect("[")
            while text.peek() != "]":
                yield text.value()
                if text.peek() != "]":
                    text.expect(",")
            return
        text.value()
        if text.peek() != "}":
            text.expect(",")
    raise ValueError(f"the JSON has no {IMAGES!r}")


class _Text:
    """JSON text that is decoded as far as it is asked for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape").decode
        self._json = json.JSONDecoder(object_pairs_hook=to_dict)
        self._buffer = ""
        self._at = 0

    def peek(self) -> str:
        """Returns the next character that is no white space, or ""."""
        while True:
            while self._at < len(self._buffer):
                if not self._buffer[self._at].isspace():
                    return self._buffer[self._at]
                self._at += 1
            if not self._more():
                return ""

    def expect(self, character: str) -> None:
        found = self.peek()
        if found != character:
            raise ValueError(f"{found!r} where the JSON should have {character!r}")
        self._at += 1

    def value(self) -> Any:
        """Returns the next value; a number at the very end of what is buffered is taken only with what follows it."""
        self.peek()
        while True:
            try:
                value, end = self._json.raw_decode(self._buffer, self._at)
                if end < len(self._buffer) or not self._more():
                    self._at = end
                    return value
            except ValueError:
                if len(self._buffer) - self._at > MAX_ELEMENT_CHARACTERS or not self._more():
                    raise

    def _more(self) -> bool:
        chunk = self._stream.read(_CHUNK_BYTES)
        self._buffer = self._buffer[self._at :] + self._decode(chunk, not chunk)
        self._at = 0
        return bool(chunk)


def _to_raw_record(number: int, element: Any, config: IngestConfig) -> RawRecord:
    name = f"image {number}"
    if not isinstance(element, dict):
        return RawRecord(
            name, flaw=reasons.DAMAGED_RECORD, detail=f"a {type(element).__name__} where an object belongs"
        )
    file, folder = element.get("filename"), element.get("filepath", "")
    if not isinstance(file, str) or not file or not isinstance(folder, str):
        detail = f"filename is {str(file)[:80]!r}, filepath {str(folder)[:80]!r}"
        return RawRecord(name, flaw=reasons.NO_IMAGE, detail=detail)
    path, sentences, split = f"{folder}/{file}" if folder else file, element.get("sentences"), element.get("split")
    record = RawRecord(path, path=path, extension=extension_of(file))
    record.fields = {**element, "sentences": _sentences(sentences)}
    for found in (element, *(sentences if isinstance(sentences, list) else ())):
        if isinstance(found, RepeatedKey):
            record.flaw, record.detail = reasons.DUPLICATE_KEY, f"the entry has {found.key[:80]!r} twice"
    record.split = config.layout.split_values.get(split, "") if isinstance(split, str) else ""
    if not record.split:
        known = ", ".join(config.layout.split_values)
        record.flaw, record.detail = reasons.UNKNOWN_SPLIT, f"split is {str(split)[:80]!r}; it must be one of {known}"
    return record


def _sentences(value: Any) -> list:
    """Returns the raw text of each sentence; what is no sentence stays, and is refused as no text."""
    found = value if isinstance(value, list) else [value]
    return [sentence.get("raw") if isinstance(sentence, dict) else sentence for sentence in found]
