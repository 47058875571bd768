"""Finds what only the whole corpus can tell, "more than N different ones", in the memory of a few.

A *key* stands for a caption or an image. *Witnesses* are the different things that count against it: the images of a
caption, the captions of an image. A key with more witnesses than its limit is convicted, so N + 1 witnesses a key say
all that a million would: each file keeps that many at most. *Places* are where a file has the key, numbers of its
records or of its captions; they are returned to it where the key is convicted.

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

CAPTION, IMAGE = b"c", b"i"  # kinds of keys
_DIGEST_BYTES = 16


def caption_key(text: str) -> bytes:
    """Returns the key of a caption."""
    return CAPTION + _digest(same_caption(text).encode())


def image_key(sha256: bytes) -> bytes:
    """Returns the key of an image's bytes."""
    return IMAGE + _digest(sha256)


def limits(config: FilterConfig) -> dict[bytes, int]:
    """Returns kind of key -> witnesses that it may have."""
    return {CAPTION: config.max_images_per_caption, IMAGE: config.max_captions_per_image}


class Entry(NamedTuple):
    """What one file knows of one key."""

    key: bytes
    witnesses: tuple[bytes, ...]
    places: tuple[int, ...]


class Convicted(NamedTuple):
    """Places of one file whose keys of one kind are convicted."""

    kind: bytes
    places: list[int]


@dataclass
class FileEvidence:
    """What one file knows, gathered as it is read.

    Attributes:
      limits: kind of key -> witnesses that it may have.
    """

    limits: Mapping[bytes, int]
    _witnesses: dict[bytes, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    _places: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(list))

    def witness(self, key: bytes, witness: bytes) -> None:
        """Add a witness, unless there are enough."""
        known = self._witnesses[key]
        if len(known) <= self.limits[key[:1]]:
            known.add(witness)

    def ask(self, key: bytes, place: int) -> None:
        """Have `place` returned to this file where `key` is convicted."""
        self._places[key].append(place)

    def batches(self, buckets: int) -> Iterator[tuple[int, list[Entry]]]:
        """Yield each bucket that this file has something for, with its entries."""
        by_bucket: dict[int, list[Entry]] = defaultdict(list)
        for key in self._witnesses.keys() | self._places.keys():
            entry = Entry(key, tuple(self._witnesses.get(key, ())), tuple(self._places.get(key, ())))
            by_bucket[int.from_bytes(key[1:5], "big") % buckets].append(entry)
        yield from by_bucket.items()


def convict(
    batches: Iterable[tuple[int, list[Entry]]], limits: Mapping[bytes, int]
) -> Iterator[tuple[int, list[Convicted]]]:
    """Return the places of the convicted keys of one bucket to the files that asked.

    Args:
      batches: (file, its entries in this bucket), in any order.
      limits: kind of key -> witnesses that it may have.

    Yields:
      File, with its places by kind.
    """
    witnesses: dict[bytes, set[bytes]] = defaultdict(set)
    asked: dict[bytes, list[tuple[int, tuple[int, ...]]]] = defaultdict(list)
    for file, entries in batches:
        for key, seen, places in entries:
            known = witnesses[key]
            if len(known) <= limits[key[:1]]:
                known.update(seen)
            if places:
                asked[key].append((file, places))
    verdicts: dict[int, dict[bytes, list[int]]] = defaultdict(lambda: defaultdict(list))
    for key, known in witnesses.items():
        if len(known) > limits[key[:1]]:
            for file, places in asked[key]:
                verdicts[file][key[:1]].extend(places)
    for file, by_kind in verdicts.items():
        yield file, [Convicted(kind, places) for kind, places in by_kind.items()]


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()
