"""Exact cosine search over image embeddings.

Legend: N images in the index, Q queries, D embedding dimension, K results of a query.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

_QUERIES_AT_ONCE = 64  # bounds the [Q, N] scores in memory


class ImageIndex:
    """Names and unit embeddings of N images, searched by one matrix product.

    Attributes:
      names: N names.
      embeddings: [N, D] float32, unit rows.
      notes: arrays that are kept with the index, and mean nothing to it.

    Examples:
      >>> index = ImageIndex(["cat", "boat"], np.array([[1.0, 0.0], [0.0, 2.0]]))
      >>> rows, scores = index.search(np.array([0.6, 0.8]), k=1)
      >>> index.names[rows[0]], round(float(scores[0]), 2)
      ('boat', 0.8)
    """

    def __init__(
        self, names: Sequence[str], embeddings: np.ndarray, notes: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Normalise and hold the embeddings.

        Args:
          names: N names.
          embeddings: [N, D], rows of any length but 0.
          notes: none of them may be called "names" or "embeddings".

        Raises:
          ValueError: when the two do not match, or a row has no direction.
        """
        embeddings = np.asarray(embeddings, np.float32)
        if embeddings.ndim != 2 or len(embeddings) != len(names):
            raise ValueError(
                f"{len(names)} names for embeddings of shape {embeddings.shape}; give [N, D], a row a name"
            )
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)  # [N, 1]
        bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
        if bad.size:
            raise ValueError(f"embedding of {names[bad[0]]!r} is zero or not finite; encode that image again")
        self.names = list(names)
        self.embeddings = embeddings / lengths
        self.notes = dict(notes or {})

    def __len__(self) -> int:
        return len(self.names)

    def search(self, query: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Find the K = min(k, N) images with the highest cosine; equal scores keep the index's order.

        cosine(q, x) = q . x / (|q| |x|)

        Args:
          query: [D] or [Q, D], of any length but 0.
          k: how many images, 1 or more.

        Returns:
          rows [K] or [Q, K] int64 into `names`, and their scores, float32, best first.

        Raises:
          ValueError: for a query of another dimension or without a direction, or k below 1.
        """
        query = np.asarray(query, np.float32)
        dimension = self.embeddings.shape[1]
        if query.ndim not in (1, 2) or query.shape[-1] != dimension:
            raise ValueError(f"query has shape {query.shape}; this index takes [{dimension}] or [Q, {dimension}]")
        if k < 1:
            raise ValueError(f"k is {k}; it must be 1 or more")
        queries = np.stack([unit(row) for row in np.atleast_2d(query)])  # [Q, D]
        rows, scores = [], []
        for start in range(0, len(queries), _QUERIES_AT_ONCE):
            for line in queries[start : start + _QUERIES_AT_ONCE] @ self.embeddings.T:  # [Q', D] x [D, N]
                best = _top(line, k)
                rows.append(best)
                scores.append(line[best])
        if query.ndim == 1:
            return rows[0], scores[0]
        return np.stack(rows), np.stack(scores)

    def subset(self, rows: Sequence[int] | np.ndarray) -> ImageIndex:
        """Returns an index of the given rows alone, in the given order, without notes."""
        return ImageIndex([self.names[row] for row in rows], self.embeddings[np.asarray(rows, np.int64)])

    def save(self, path: Path) -> None:
        """Write the index to one .npz file, aside and then renamed: a reader sees all of it or none."""
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.stem}.{os.getpid()}.npz")
        try:
            np.savez(aside, names=np.array(self.names, dtype=np.str_), embeddings=self.embeddings, **self.notes)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> ImageIndex:
        """Read an index that `save` wrote.

        Raises:
          FileNotFoundError: when there is none.
          ValueError: when the file is not an index.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                notes = {name: arrays[name] for name in arrays.files if name not in ("names", "embeddings")}
                return cls([str(name) for name in arrays["names"]], arrays["embeddings"], notes)
        except (zipfile.BadZipFile, EOFError, KeyError, ValueError) as error:
            raise ValueError(f"{path} is not an image index ({error}); delete it and it is made again") from error


def unit(vector: np.ndarray) -> np.ndarray:
    """Returns vector [D] / |vector|, or raises ValueError where it has no direction."""
    vector = np.asarray(vector, np.float32)
    length = np.linalg.norm(vector)
    if not np.isfinite(length) or length == 0:
        raise ValueError("a query vector is zero or not finite; encode it again")
    return vector / length


def _top(scores: np.ndarray, k: int) -> np.ndarray:
    """Returns the rows of the k highest of scores [N], best first, ties by row."""
    if k < len(scores):
        least = np.partition(scores, -k)[-k]
        candidates = np.flatnonzero(scores >= least)
    else:
        candidates = np.arange(len(scores))
    return candidates[np.argsort(-scores[candidates], kind="stable")][:k]
