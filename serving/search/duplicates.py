"""Groups exact and near duplicates among ranked images, so that a page is not one picture twelve times.

Legend: n ranked images, D embedding dimension.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from serving.search.stores.store import Snapshot

COSINE = 0.94  # of embeddings, from which on two images count as near duplicates
NEVER = 2.0  # in its place: a cosine that no two images have
PHASH_BITS = 6  # of 64, by which the perceptual hashes of near duplicates differ at most


_AT_ONCE = 256  # images that are compared with each other and with all that lead
_PROBES = 32


def telling_cosine(snapshot: Snapshot, dimension: int) -> float:
    """Returns from which cosine on two images of an index are near duplicates: COSINE, or NEVER.

    A model that was trained for a moment, or badly, embeds all images alike, and then a cosine tells nothing. Images
    that are nearest to random directions have nothing in common; where half of their pairs reach COSINE, it is NEVER.
    """
    probes = np.random.default_rng(0).normal(size=(_PROBES, dimension))
    ids = sorted({name for names in snapshot.search(probes, 1).ids for name in names})
    vectors = snapshot.vectors(ids).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = (vectors @ vectors.T)[np.triu_indices(len(ids), 1)]
    return NEVER if len(pairs) and np.median(pairs) >= COSINE else COSINE


class Apart:
    """Ranked images of which each leads a group of its own.

    Attributes:
      leaders: the rank of each.
      members: none of any.
    """

    def __init__(self) -> None:
        """Begin without an image."""
        self.leaders: list[int] = []
        self.members: list[list[int]] = []

    def images_for(self, groups: int) -> int:
        """Returns how many images so many groups are."""
        return groups

    def extend(self, ids: Sequence[str], snapshot: Snapshot) -> None:
        """Take n more images."""
        self.leaders += range(len(self.leaders), len(self.leaders) + len(ids))
        self.members += [[] for _ in ids]


class Groups:
    """Ranked images in groups, each led by its best one; more images may come behind those that are there.

    An image belongs to the first group whose best image is a duplicate of it: perceptual hashes that differ in
    PHASH_BITS at most, or embeddings whose cosine is large; or to one that holds the same bytes.

    Attributes:
      leaders: rank of each group's best image, ascending.
      members: the ranks of the others of each group.

    Examples:
      >>> groups = Groups(2)
      >>> rows = pa.table({"sha256": [None, None, None], "phash": pa.array([None, 7, 5], pa.uint64())})
      >>> groups.take(rows, np.array([[1, 0], [0, 1], [-1, 0]]))
      >>> groups.leaders, groups.members
      ([0, 1], [[], [2]])
    """

    def __init__(self, dimension: int, cosine: float = COSINE) -> None:
        """Begin without an image; `cosine` is what near duplicates have at least."""
        self.leaders: list[int] = []
        self.members: list[list[int]] = []
        self._cosine = cosine
        self._count = 0
        self._by_sha256: dict[str, int] = {}
        self._vectors = np.zeros((0, dimension), np.float32)  # of the leaders
        self._hashes = np.zeros(0, np.uint64)
        self._hashed = np.zeros(0, np.int64)  # the group of each hash

    def images_for(self, groups: int) -> int:
        """Returns how many images so many groups may take."""
        return 2 * groups

    def extend(self, ids: Sequence[str], snapshot: Snapshot) -> None:
        """Take n more images of a snapshot, best first."""
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            self.take(snapshot.rows(some), snapshot.vectors(some))

    def take(self, rows: pa.Table, vectors: np.ndarray) -> None:
        """Take n more images, best first.

        Args:
          rows: their metadata, of which `sha256` and `phash` are looked at.
          vectors: [n, D], of any length but 0.
        """
        wide = vectors.astype(np.float32)
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
        near_before = wide @ self._vectors.T >= self._cosine  # [n, groups so far]
        near_here = wide @ wide.T >= self._cosine  # [n, n]
        before = len(self.leaders)
        new: list[int] = []  # of these images, those that lead
        known = zip(rows.column("sha256").to_pylist(), rows.column("phash").to_pylist(), strict=True)
        for number, (digest, phash) in enumerate(known):
            groups = self._of_bytes_or_look(digest, phash)
            groups += np.flatnonzero(near_before[number])[:1].tolist()
            groups += (before + np.flatnonzero(near_here[number][new])[:1]).tolist()
            rank = self._count + number
            if groups:
                group = min(groups)
                self.members[group].append(rank)
            else:
                group = len(self.leaders)
                self.leaders.append(rank)
                self.members.append([])
                new.append(number)
                if phash is not None:
                    self._hashes = np.append(self._hashes, np.uint64(phash))
                    self._hashed = np.append(self._hashed, group)
            if digest is not None:
                self._by_sha256.setdefault(digest, group)
        self._vectors = np.concatenate([self._vectors, wide[new]])
        self._count += len(wide)

    def _of_bytes_or_look(self, digest: str | None, phash: int | None) -> list[int]:
        """Returns the first group that holds the same bytes, and the first that looks the same."""
        found = [self._by_sha256[digest]] if digest in self._by_sha256 else []
        if phash is not None and len(self._hashes):
            found += self._hashed[_bits(self._hashes ^ np.uint64(phash)) <= PHASH_BITS][:1].tolist()
        return found


def _bits(numbers: np.ndarray) -> np.ndarray:
    """Returns how many bits of each uint64 are set."""
    return np.unpackbits(numbers.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1)
