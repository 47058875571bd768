"""Finds the evaluation image that a training image is a near-duplicate of: ALIGN appendix A, arXiv:2102.05918.

K-means divides the embeddings into clusters; each image is in its 10 nearest, and thus in C(10, 3) = 120 buckets, one
for each 3 of the 10. A training and an evaluation image that meet in a bucket are near-duplicates where their cosine is
above 0.975. Two images meet in a bucket just where they have at least 3 clusters in common, and that is what is counted
here: no bucket is ever made.

Legend: Q training images asked about, E evaluation images, D embedding, K clusters, n nearest clusters of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SEED = 0
_ROUNDS = 10  # through the sample, for k-means
_PAIRS_AT_ONCE = 1 << 20  # that may have a cluster in common, which bounds the memory of a search by some 100 MB


@dataclass(frozen=True)
class Clusters:
    """Centres that k-means found.

    Attributes:
      centres: [K, D] float32.
      nearest: clusters that an image is in; all where there are not as many.
    """

    centres: np.ndarray
    nearest: int

    @classmethod
    def learn(cls, sample: np.ndarray, clusters: int, nearest: int) -> Clusters:
        """Divide [S, D] unit vectors into `clusters`, or as many as are different; the same ones, the same way."""
        from sklearn.cluster import MiniBatchKMeans  # here: it takes a second, and most filters ask no model

        sample = np.ascontiguousarray(sample, np.float32)
        different = np.unique(sample, axis=0)
        if len(different) <= clusters:
            return cls(different, nearest)
        # From random centres: k-means++ would take longer than the rest, and buckets need no best clusters.
        means = MiniBatchKMeans(
            clusters, init="random", n_init=1, batch_size=4 * clusters, max_iter=_ROUNDS, random_state=_SEED
        )
        centres = means.fit(sample).cluster_centers_.astype(np.float32)
        # At length one, as the embeddings are: the mean of a mixture is short, and would be near to everything.
        lengths = np.linalg.norm(centres, axis=1, keepdims=True)
        return cls(centres / np.maximum(lengths, np.finfo(np.float32).tiny), nearest)

    def of(self, embeddings: np.ndarray) -> np.ndarray:
        """Returns [N, n] numbers of the clusters nearest to each of [N, D] unit vectors, in no particular order."""
        if len(self.centres) <= self.nearest:
            return np.tile(np.arange(len(self.centres)), (len(embeddings), 1))
        # |x - c|^2 = |x|^2 - 2 x.c + |c|^2, of which the first is the same for all centres.
        distances = (self.centres**2).sum(axis=1) - 2 * (embeddings @ self.centres.T)  # [N, K]
        return np.argpartition(distances, self.nearest - 1, axis=1)[:, : self.nearest]


@dataclass(frozen=True)
class NeighbourIndex:
    """Evaluation images by cluster.

    Attributes:
      clusters: what they were divided by.
      shared: clusters that two images must have in common to be compared, `nearest` of them or all where fewer exist.
      min_cosine: what the cosine of near-duplicates is above.
      names: [E] records' names.
      embeddings: [E, D] float32 unit vectors.
      starts, members: the evaluation images in cluster k are members[starts[k]:starts[k + 1]].
    """

    clusters: Clusters
    shared: int
    min_cosine: float
    names: Sequence[str]
    embeddings: np.ndarray
    starts: np.ndarray
    members: np.ndarray

    @classmethod
    def build(
        cls, clusters: Clusters, names: Sequence[str], embeddings: np.ndarray, shared: int, min_cosine: float
    ) -> NeighbourIndex:
        """Sort [E, D] unit vectors by cluster; where several are as near, the first of them is found."""
        number = len(clusters.centres)
        inside = clusters.of(embeddings)
        order = np.argsort(inside.ravel(), kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(inside.ravel(), minlength=number))])
        members = order // max(1, inside.shape[1])
        return cls(clusters, min(shared, number), min_cosine, names, embeddings, starts, members)

    def nearest(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the evaluation image nearest to each query among its near-duplicates.

        Args:
          queries: [Q, D] float32 unit vectors.

        Returns:
          [Q] int64 positions in `names`, -1 where there is none, and [Q] float32 cosines.
        """
        positions = np.full(len(queries), -1, np.int64)
        cosines = np.zeros(len(queries), np.float32)
        most = int(np.diff(self.starts).max(initial=1)) * max(1, min(self.clusters.nearest, len(self.starts) - 1))
        step = max(1, _PAIRS_AT_ONCE // most)
        for start in range(0, len(queries), step):
            portion = slice(start, start + step)
            positions[portion], cosines[portion] = self._search(queries[portion])
        return positions, cosines

    def _search(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        positions, cosines = np.full(len(queries), -1, np.int64), np.zeros(len(queries), np.float32)
        asking, candidates = self._meeting(self.clusters.of(queries))
        # einsum, not a matrix product: the cosine of a pair must not depend on what it is computed beside.
        found = np.einsum("pd,pd->p", queries[asking], self.embeddings[candidates])
        near = found > self.min_cosine
        asking, candidates, found = asking[near], candidates[near], found[near]
        order = np.lexsort((candidates, -found, asking))  # the last key is the foremost
        asking, candidates, found = asking[order], candidates[order], found[order]
        best = np.flatnonzero(np.diff(asking, prepend=-1))
        positions[asking[best]], cosines[asking[best]] = candidates[best], found[best]
        return positions, cosines

    def _meeting(self, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the (query, evaluation image) pairs that have `shared` clusters in common, for [Q, n] clusters."""
        clusters = inside.ravel()
        counts = self.starts[clusters + 1] - self.starts[clusters]
        askers = np.repeat(np.repeat(np.arange(len(inside)), inside.shape[1]), counts)
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        candidates = self.members[np.repeat(self.starts[clusters], counts) + offsets]
        pairs, times = np.unique(askers * len(self.names) + candidates, return_counts=True)
        return np.divmod(pairs[times >= self.shared], max(1, len(self.names)))
