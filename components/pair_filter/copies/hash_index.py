"""Finds, among many 64-bit hashes, those within a few bits of a query, without comparing it with each.

Hashes that differ in at most d bits agree in at least one of d + 1 bands of their bits (pigeonhole), so each band keeps
the hashes sorted by its bits, and a query is compared with those of its own band values alone: multi-index hashing
(Norouzi, Punjani, Fleet 2012), exact.

Legend: N hashes in the index, Q queries, W bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BITS = 64
_MAX_COMPARISONS = 1 << 22  # at once, which bounds the memory of a search by some hundred megabytes
_ONES = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)


@dataclass(frozen=True)
class HashIndex:
    """Hashes sorted by each of their bands.

    Attributes:
      max_distance: bits that a hash may differ by to be found.
      hashes: [N] uint64, each once.
      orders: per band, [N] positions in `hashes` in order of the band's bits.
      keys: per band, [N] the bands' bits in that order.
    """

    max_distance: int
    hashes: np.ndarray
    orders: tuple[np.ndarray, ...]
    keys: tuple[np.ndarray, ...]

    @classmethod
    def build(cls, hashes: np.ndarray, max_distance: int) -> HashIndex:
        """Sort [N] uint64 hashes, each once, by each of `max_distance` + 1 bands."""
        bands = [_band(hashes, band, max_distance) for band in range(max_distance + 1)]
        orders = tuple(np.argsort(band, kind="stable") for band in bands)
        return cls(max_distance, hashes, orders, tuple(b[o] for b, o in zip(bands, orders, strict=True)))

    def nearest(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the nearest hash of each query, the first of `hashes` where several are as near.

        Args:
          queries: [Q] uint64.

        Returns:
          [Q] int64 positions in `hashes`, -1 where none is within `max_distance`, and [Q] int64 distances in bits.
        """
        distances = np.full(len(queries), _BITS + 1, np.int64)
        positions = np.full(len(queries), len(self.hashes), np.int64)
        for band, (order, keys) in enumerate(zip(self.orders, self.keys, strict=True)):
            wanted = _band(queries, band, self.max_distance)
            first = np.searchsorted(keys, wanted, "left")
            counts = np.searchsorted(keys, wanted, "right") - first
            for start, end in _portions(counts):
                self._compare(queries, order, first, counts, slice(start, end), distances, positions)
        found = distances <= self.max_distance
        return np.where(found, positions, -1), distances

    def _compare(
        self,
        queries: np.ndarray,
        order: np.ndarray,
        first: np.ndarray,
        counts: np.ndarray,
        portion: slice,
        distances: np.ndarray,
        positions: np.ndarray,
    ) -> None:
        """Compare a portion of the queries with the hashes of their band, and note what is nearer than before."""
        number = counts[portion]
        asking = np.repeat(np.arange(portion.start, portion.stop), number)
        offsets = np.arange(len(asking)) - np.repeat(np.cumsum(number) - number, number)
        candidates = order[np.repeat(first[portion], number) + offsets]
        apart = count_ones(queries[asking] ^ self.hashes[candidates])
        # Least distance first, then least position: lexsort's last key is the foremost.
        by_query = np.lexsort((candidates, apart, asking))
        asking, candidates, apart = asking[by_query], candidates[by_query], apart[by_query]
        best = np.flatnonzero(np.diff(asking, prepend=-1))
        asking, candidates, apart = asking[best], candidates[best], apart[best]
        nearer = (apart < distances[asking]) | ((apart == distances[asking]) & (candidates < positions[asking]))
        distances[asking[nearer]] = apart[nearer]
        positions[asking[nearer]] = candidates[nearer]


def count_ones(numbers: np.ndarray) -> np.ndarray:
    """Returns how many bits are set in each of [...] uint64 numbers, as int64."""
    return _ONES[numbers[..., None].view(np.uint16)].sum(axis=-1, dtype=np.int64)


def _band(hashes: np.ndarray, band: int, max_distance: int) -> np.ndarray:
    """Returns the bits of one of `max_distance` + 1 bands that together cover all 64."""
    start, end = (_BITS * number // (max_distance + 1) for number in (band, band + 1))
    mask = np.uint64((1 << (end - start)) - 1)
    return (hashes >> np.uint64(start)) & mask


def _portions(counts: np.ndarray) -> list[tuple[int, int]]:
    """Divide queries into runs of at most _MAX_COMPARISONS comparisons, or of one query that needs more."""
    portions, start, sum_before = [], 0, 0
    ends = np.cumsum(counts)
    while start < len(counts):
        end = max(start + 1, int(np.searchsorted(ends, sum_before + _MAX_COMPARISONS, "right")))
        portions.append((start, end))
        start, sum_before = end, int(ends[end - 1])
    return portions
