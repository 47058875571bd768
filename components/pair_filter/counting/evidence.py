"""Finds what only the whole corpus can tell, "more than so many different ones", in the memory of a few.

A *key* stands for a caption or an image. *Witnesses* are the different things that count against it: the images of a
caption, the captions of an image. A key with more witnesses than its limit is convicted, so limit + 1 witnesses a key
say all that a million would: each file sends so many at most, and each bucket keeps so many at most.

Keys are spread over buckets by hash, and a file sends each bucket one batch: what a caption on a million images adds to
its bucket is limit + 1 numbers a file, and nothing ever holds the corpus. Keys are digests of 128 bits: that two of
10^10 collide has a probability of 10^-19. Of a witness 64 bits do, since it only has to differ from those of its key.

Legend: E entries, a key and a witness each; K keys; a key is two uint64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from components.pair_filter.judging.rules import same_caption

_COMPACT_ABOVE = 1 << 20  # entries that a bucket gathers before it forgets what it does not need
_DIGEST_BYTES = 16


def caption_key(text: str) -> bytes:
    """Returns the key of a caption."""
    return hashlib.blake2b(same_caption(text).encode(), digest_size=_DIGEST_BYTES).digest()


def image_key(sha256: bytes) -> bytes:
    """Returns the key of an image's bytes."""
    return hashlib.blake2b(sha256, digest_size=_DIGEST_BYTES).digest()


class Batch(NamedTuple):
    """What one file knows of some keys.

    Attributes:
      file: its number.
      keys: [E, 2] uint64.
      witnesses: [E] uint64, against the key beside each.
      counts: whether the witnesses count; a file of another split than "train" only asks.
      asks: whether the file is to be told which of its keys are convicted.
    """

    file: int
    keys: np.ndarray
    witnesses: np.ndarray
    counts: bool
    asks: bool


def trim(keys: np.ndarray, witnesses: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Leave of equal entries one and of each key limit + 1 entries.

    Args:
      keys: [E, 2] uint64.
      witnesses: [E] uint64.
      limit: witnesses that a key may have.

    Returns:
      The same of the entries that are left, in order of keys, then of witnesses.
    """
    order = np.lexsort((witnesses, keys[:, 1], keys[:, 0]))
    keys, witnesses = keys[order], witnesses[order]
    begins_key = _begins(keys)
    differs = begins_key | (np.diff(witnesses, prepend=witnesses[:1]) != 0)
    keys, witnesses, begins_key = keys[differs], witnesses[differs], begins_key[differs]
    kept = _rank_in_group(begins_key) <= limit
    return keys[kept], witnesses[kept]


def in_buckets(batch: Batch, buckets: int) -> Iterator[tuple[int, Batch]]:
    """Divide a batch into those of each bucket."""
    if not len(batch.keys):
        return
    bucket = (batch.keys[:, 0] % np.uint64(buckets)).astype(np.int64)
    order = np.argsort(bucket, kind="stable")
    found, starts = np.unique(bucket[order], return_index=True)
    for number, rows in zip(found, np.split(order, starts[1:]), strict=True):
        yield int(number), batch._replace(keys=batch.keys[rows], witnesses=batch.witnesses[rows])


def convict(batches: Sequence[Batch] | Iterable[Batch], limit: int) -> Iterator[tuple[int, np.ndarray]]:
    """Tell the files that ask which of their keys are convicted.

    Args:
      batches: what one bucket was sent, in any order; gone through twice.
      limit: witnesses that a key may have.

    Yields:
      File, and [K, 2] uint64 of its keys.
    """
    keys, witnesses = np.empty((0, 2), np.uint64), np.empty(0, np.uint64)
    pending: list[Batch] = []
    waiting = 0  # entries in `pending`
    for batch in batches:
        if batch.counts:
            pending.append(batch)
            waiting += len(batch.keys)
        if waiting > _COMPACT_ABOVE:
            keys, witnesses = _gather(keys, witnesses, pending, limit)
            pending, waiting = [], 0
    keys, witnesses = _gather(keys, witnesses, pending, limit)
    begins = np.flatnonzero(_begins(keys))
    sizes = np.diff(begins, append=len(keys))
    convicted = keys[begins[sizes > limit]]
    for batch in batches:
        if batch.asks:
            own = batch.keys[is_in(batch.keys, convicted)]
            if len(own):
                yield batch.file, _once(own)


def is_in(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Returns [E] bool: which of [E, 2] keys are among [K, 2] others."""
    both = np.concatenate([keys, wanted])
    order = np.lexsort((both[:, 1], both[:, 0]))
    groups = np.empty(len(both), np.int64)
    groups[order] = np.cumsum(_begins(both[order])) - 1
    is_wanted = np.zeros(len(both), bool)
    is_wanted[groups[len(keys) :]] = True
    return is_wanted[groups[: len(keys)]]


def _gather(
    keys: np.ndarray, witnesses: np.ndarray, pending: Sequence[Batch], limit: int
) -> tuple[np.ndarray, np.ndarray]:
    return trim(
        np.concatenate([keys, *(batch.keys for batch in pending)]),
        np.concatenate([witnesses, *(batch.witnesses for batch in pending)]),
        limit,
    )


def _once(keys: np.ndarray) -> np.ndarray:
    ordered = keys[np.lexsort((keys[:, 1], keys[:, 0]))]
    return ordered[_begins(ordered)]


def _begins(keys: np.ndarray) -> np.ndarray:
    """Returns [E] bool: where in [E, 2] sorted keys another one begins."""
    begins = np.ones(len(keys), bool)
    begins[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    return begins


def _rank_in_group(begins: np.ndarray) -> np.ndarray:
    """Returns [E] each entry's place in its group, from 0."""
    places = np.arange(len(begins))
    return places - np.maximum.accumulate(np.where(begins, places, 0))
