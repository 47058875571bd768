"""A Bloom filter over strings: a set in a few bits an item that may hold strangers, at a stated rate, and loses none.

Reference: B. Bloom, "Space/time trade-offs in hash coding with allowable errors", CACM 13 (1970).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

_SPARE_BITS = 64
_DIGEST_WORDS = 8  # 64-bit words of a digest, each of which gives one position


@dataclass(frozen=True)
class BloomFilter:
    """The set as bits.

    Attributes:
      bits: [m / 8] uint8.
      hashes: k, bits that each item sets.
    """

    bits: np.ndarray
    hashes: int

    @classmethod
    def of(cls, items: Collection[str], false_positive_rate: float) -> BloomFilter:
        """Build the filter of a set.

        With n items, m = n log2(1 / p) / ln 2 bits and k = log2(1 / p) hashes, a string that is no item is taken for
        one with a probability of at most p. That is 1.44 log2(1 / p) bits an item, 14.4 for p = 0.001, and 64 more:
        where there are few items, how many bits they happen to set varies.

        Args:
          items: the set, n strings.
          false_positive_rate: p, in (0, 1).
        """
        hashes = max(1, math.ceil(math.log2(1 / false_positive_rate)))
        size = math.ceil(len(items) * hashes / math.log(2)) + _SPARE_BITS
        bits = np.zeros(-(-size // 8), np.uint8)
        for positions in _positions(items, hashes, 8 * len(bits)):
            np.bitwise_or.at(bits, positions >> np.uint64(3), _mask(positions))
        return cls(bits, hashes)

    def contains(self, items: Collection[str]) -> np.ndarray:
        """Returns [len(items)] bool: False is certain, True is wrong at the rate that the filter was built for."""
        found = np.ones(len(items), bool)
        for positions in _positions(items, self.hashes, 8 * len(self.bits)):
            found &= (self.bits[positions >> np.uint64(3)] & _mask(positions)) != 0
        return found


def _positions(items: Collection[str], hashes: int, size: int) -> Iterator[np.ndarray]:
    """Yield, for each of the k hashes, [len(items)] uint64 positions of bits, independent of each other."""
    encoded = [item.encode() for item in items]
    for first in range(0, hashes, _DIGEST_WORDS):
        salt = first.to_bytes(16, "big")
        digests = b"".join(hashlib.blake2b(item, digest_size=64, salt=salt).digest() for item in encoded)
        words = np.frombuffer(digests, np.uint64).reshape(-1, _DIGEST_WORDS)
        for column in range(min(_DIGEST_WORDS, hashes - first)):
            yield words[:, column] % np.uint64(size)


def _mask(positions: np.ndarray) -> np.ndarray:
    return np.left_shift(np.uint8(1), (positions & np.uint64(7)).astype(np.uint8))
