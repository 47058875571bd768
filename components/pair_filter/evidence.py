"""Finds what only the whole corpus can tell, "more than N different ones", in the memory of a few.

A *key* stands for a caption, an image or a set of pixels. *Witnesses* are the different things that count against
it: the images of a caption, the captions of an image, the evaluation images with these pixels. A key with more
witnesses than its limit is convicted, so N + 1 witnesses a key say all that a million would: each file keeps that many
at most. *Marks* are what a file looks up when it judges its records, returned to it where the key is convicted.

Keys are spread over buckets by hash, and a file sends each bucket one batch: what a caption on a million images adds to
its bucket is N + 1 witnesses a file, and nothing ever holds the corpus. Digests are 128 bits wide: that two of 10^10
keys collide has a probability of 10^-19.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from components.pair_filter.config import FilterConfig
from components.pair_filter.rules import same_caption

_CAPTION, _IMAGE, _PIXELS, _COPY = b"c", b"i", b"p", b"e"
_DIGEST_BYTES = 16


def caption_key(text: str) -> bytes:
    """Returns the key, and the mark, of a caption."""
    return _CAPTION + _digest(same_caption(text).encode("utf-8", "surrogatepass"))


def image_key(sha256: bytes) -> bytes:
    """Returns the key, and the mark, of an image's bytes."""
    return _IMAGE + _digest(sha256)


def copy_mark(sha256: bytes) -> bytes:
    """Returns the mark of an image whose pixels are those of an evaluation image."""
    return _COPY + _digest(sha256)


def pixels_key(pixels: bytes) -> bytes:
    """Returns the key of decoded pixels."""
    return _PIXELS + _digest(pixels)


def limits(config: FilterConfig) -> dict[bytes, int]:
    """Returns kind of key -> witnesses that it may have."""
    return {_CAPTION: config.max_images_per_caption, _IMAGE: config.max_captions_per_image, _PIXELS: 0}


class Entry(NamedTuple):
    """What one file knows of one key."""

    key: bytes
    witnesses: tuple[bytes, ...]
    marks: tuple[bytes, ...]


@dataclass
class FileEvidence:
    """What one file knows, gathered as it is read.

    Attributes:
      limits: kind of key -> witnesses that it may have.
    """

    limits: Mapping[bytes, int]
    _witnesses: dict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    _marks: dict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    def witness(self, key: bytes, witness: bytes) -> None:
        """Add a witness, unless there are enough."""
        known = self._witnesses[key]
        if len(known) <= self.limits[key[:1]]:
            known.add(witness)

    def ask(self, key: bytes, mark: bytes) -> None:
        """Have `mark` returned to this file where `key` is convicted."""
        self._marks[key].add(mark)

    def batches(self, buckets: int) -> Iterator[tuple[int, list[Entry]]]:
        """Yield each bucket that this file has something for, with its entries."""
        by_bucket: dict[int, list[Entry]] = defaultdict(list)
        for key in self._witnesses.keys() | self._marks.keys():
            entry = Entry(key, tuple(self._witnesses.get(key, ())), tuple(self._marks.get(key, ())))
            by_bucket[int.from_bytes(key[1:5], "big") % buckets].append(entry)
        yield from by_bucket.items()


def convict(batches: Iterable[tuple[int, list[Entry]]], limits: Mapping[bytes, int]) -> dict[int, set[bytes]]:
    """Return the marks of the convicted keys of one bucket to the files that asked.

    Args:
      batches: (file, its entries in this bucket), in any order.
      limits: kind of key -> witnesses that it may have.

    Returns:
      File -> marks.
    """
    witnesses: dict[bytes, set[bytes]] = defaultdict(set)
    asked: dict[bytes, list[tuple[int, tuple[bytes, ...]]]] = defaultdict(list)
    for file, entries in batches:
        for key, seen, marks in entries:
            if len(witnesses[key]) <= limits[key[:1]]:
                witnesses[key].update(seen)
            if marks:
                asked[key].append((file, marks))
    verdicts: dict[int, set[bytes]] = defaultdict(set)
    for key, known in witnesses.items():
        if len(known) > limits[key[:1]]:
            for file, marks in asked[key]:
                verdicts[file].update(marks)
    return verdicts


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
