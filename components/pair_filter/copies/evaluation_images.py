"""What the images of evaluation splits and sets look like, in numbers, and which training images copy one of them.

It is small enough for every worker to hold: about 100 bytes an evaluation image, at the default distance.

Legend: N evaluation images, Q images of a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from components.pair_filter.copies.hash_index import HashIndex


class Prints(NamedTuple):
    """The fingerprints of some images of one evaluation split or set: [...] uint64 each, in any order."""

    of: str
    pixels: np.ndarray
    perceptual: np.ndarray


@dataclass(frozen=True)
class EvaluationImages:
    """Fingerprints of all evaluation images, sorted for look-up.

    Attributes:
      sets: names of the splits and sets.
      pixels: [N] uint64, ascending.
      pixels_of: [N] positions in `sets`.
      index: perceptual hashes, or None where only exact copies count.
      hashes_of: positions in `sets` of the index's hashes.
    """

    sets: tuple[str, ...]
    pixels: np.ndarray
    pixels_of: np.ndarray
    index: HashIndex | None
    hashes_of: np.ndarray

    def find_copies(
        self, pixels: np.ndarray, is_compared: np.ndarray, perceptual: np.ndarray, is_hashed: np.ndarray
    ) -> dict[int, str]:
        """Find the images of a file that copy an evaluation image.

        Args:
          pixels, perceptual: [Q] uint64, the images' fingerprints.
          is_compared, is_hashed: [Q] bool: which images have the one and the other.

        Returns:
          Number of the image -> of which split or set it has an image, and how near it is, in words.
        """
        found: dict[int, str] = {}
        rows = np.flatnonzero(is_hashed)
        if self.index is not None and len(self.index.hashes) and len(rows):
            positions, distances = self.index.nearest(perceptual[rows])
            for place in np.flatnonzero(positions >= 0):
                of = self.sets[self.hashes_of[positions[place]]]
                found[int(rows[place])] = f"within {distances[place]} bits of an image of {of!r}"
        rows = np.flatnonzero(is_compared)
        if len(self.pixels) and len(rows):
            positions = np.minimum(np.searchsorted(self.pixels, pixels[rows]), len(self.pixels) - 1)
            for place in np.flatnonzero(self.pixels[positions] == pixels[rows]):
                found[int(rows[place])] = f"a copy of an image of {self.sets[self.pixels_of[positions[place]]]!r}"
        return found


def collect(parts: Iterable[Prints], max_distance: int | None) -> EvaluationImages:
    """Sort the fingerprints of all evaluation images; of equal ones the set whose name comes first is remembered.

    Args:
      parts: in any order.
      max_distance: bits within which perceptual hashes are copies, or None where they are not compared.
    """
    everything = list(parts)
    sets = tuple(sorted({part.of for part in everything}))
    pixels, pixels_of = _joined([(part.pixels, sets.index(part.of)) for part in everything])
    hashes, hashes_of = _joined([(part.perceptual, sets.index(part.of)) for part in everything])
    index = None if max_distance is None else HashIndex.build(hashes, max_distance)
    return EvaluationImages(sets, pixels, pixels_of, index, hashes_of)


def _joined(parts: list[tuple[np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the different numbers of all parts, ascending, and the least position that each came with."""
    numbers = np.concatenate([np.empty(0, np.uint64), *(numbers for numbers, _ in parts)])
    of = np.concatenate([np.empty(0, np.int64), *(np.full(len(numbers), place) for numbers, place in parts)])
    order = np.lexsort((of, numbers))
    different, first = np.unique(numbers[order], return_index=True)
    return different, of[order][first].astype(np.uint16)
