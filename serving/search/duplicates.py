"""Groups exact and near duplicates among ranked images, so that a page is not one picture twelve times.

Legend: n ranked images, D embedding dimension.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from serving.search.stores.store import Snapshot

COSINE = 0.94  # of embeddings, from which on two images count as near duplicates
NEVER = 2.0  # in its place: a cosine that no two images have
PHASH_BITS = 6  # of 64, by which the perceptual hashes of near duplicates differ at most


_SET_BITS = np.unpackbits(np.arange(2**16, dtype=np.uint16).view(np.uint8).reshape(-1, 2), axis=1).sum(1, np.uint8)
_NO_GROUP = 2**63 - 1
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

    def take(self, rows: pa.Table, vectors: np.ndarray) -> None:
        """Take n more images."""
        self.leaders += range(len(self.leaders), len(self.leaders) + len(vectors))
        self.members += [[] for _ in vectors]


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
        self._led = _Looks(np.zeros((0, dimension), np.float32), np.zeros(0, np.uint64), np.zeros(0, bool))

    def images_for(self, groups: int) -> int:
        """Returns how many images so many groups may take."""
        return groups + groups // 4 + 8

    def take(self, rows: pa.Table, vectors: np.ndarray) -> None:
        """Take n more images, best first.

        Args:
          rows: their metadata, of which `sha256` and `phash` are looked at.
          vectors: [n, D], of any length but 0.
        """
        for start in range(0, len(vectors), _AT_ONCE):
            self._take(rows.slice(start, _AT_ONCE), vectors[start : start + _AT_ONCE])

    def _take(self, rows: pa.Table, vectors: np.ndarray) -> None:
        looks = _Looks.of(rows.column("phash"), vectors)
        before = looks.like(self._led, self._cosine)  # [n, groups so far]
        here = np.tril(looks.like(looks, self._cosine), -1)  # [n, n]: each with those that rank before it
        first_before = [_NO_GROUP] * len(vectors)
        for number in np.flatnonzero(before.any(axis=1)).tolist():
            first_before[number] = int(before[number].argmax())
        near_here = here.any(axis=1).tolist()
        new: dict[int, int] = {}  # of these images, those that lead -> their group
        for number, digest in enumerate(rows.column("sha256").to_pylist()):
            group = min(first_before[number], self._by_sha256.get(digest, _NO_GROUP))
            if near_here[number]:
                led = (new[other] for other in np.flatnonzero(here[number]).tolist() if other in new)
                group = min(group, next(led, _NO_GROUP))
            rank = self._count + number
            if group == _NO_GROUP:
                group = new[number] = len(self.leaders)
                self.leaders.append(rank)
                self.members.append([])
            else:
                self.members[group].append(rank)
            if digest is not None:
                self._by_sha256.setdefault(digest, group)
        self._led = self._led.with_more(looks, list(new))
        self._count += len(vectors)


@dataclass(frozen=True)
class _Looks:
    """Unit vectors [n, D] float32 and perceptual hashes [n] uint64 of images, and which [n] have a hash."""

    vectors: np.ndarray
    hashes: np.ndarray
    hashed: np.ndarray

    @classmethod
    def of(cls, phash: pa.ChunkedArray, vectors: np.ndarray) -> _Looks:
        wide = vectors.astype(np.float32)
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
        return cls(wide, phash.fill_null(0).to_numpy(), phash.is_valid().to_numpy())

    def like(self, others: _Looks, cosine: float) -> np.ndarray:
        """Returns which pairs look the same or are near by cosine, [n, others] bool."""
        near = self.vectors @ others.vectors.T >= cosine
        if self.hashed.any() and others.hashed.any():
            apart = _SET_BITS[(self.hashes[:, None] ^ others.hashes).view(np.uint16).reshape(*near.shape, 4)]
            near |= (apart.sum(axis=2) <= PHASH_BITS) & self.hashed[:, None] & others.hashed
        return near

    def with_more(self, others: _Looks, numbers: list[int]) -> _Looks:
        return _Looks(
            np.concatenate([self.vectors, others.vectors[numbers]]),
            np.concatenate([self.hashes, others.hashes[numbers]]),
            np.concatenate([self.hashed, others.hashed[numbers]]),
        )
