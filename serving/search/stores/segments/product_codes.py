"""Product codes behind an inverted file: half a byte a part of numbers, read in FAISS by a table a query for all lists.

A vector x is turned and its list's centroid c taken from it: r = R x - c. One of 16 words codes each part of four or
eight numbers of r; c and the words say y, near to R x. R sorts the principal axes of r into parts, so that the product
of the variances is about the same in each: none wastes words on numbers that hardly vary (arXiv:1311.4055, section
3.2). Before that each 32 axes are mixed with one another: the tables of all parts are rounded to one scale, which the
first axes by themselves would make coarse.

q . x = q . y + q . e, where e = R x - y is lost. A query near x shares c and about half of r with it, so that
e . (c + r / 2) guesses q . e. A last byte holds that: two parts more, at which each query has a one. Of 200,000 vectors
in 640 dimensions 30 candidates then hold .95 of the ten nearest in parts of four numbers; without that byte .86, along
random axes .89. In parts of eight 50 candidates hold as many, whose codes are half as long and read in half the time.

We differ from RaBitQ (arXiv:2405.12497), whose codes are twice as long at least: it makes a table for each list that a
query looks into, which took twice the time of everything else.

Legend: n vectors, D embedding dimension, P numbers of a part, T turned dimension, a multiple of 2 P, L lists, B bytes
of a code.

References:
  Optimized product quantization, arXiv:1311.4055; fast scan, arXiv:1704.07355.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import faiss
import numpy as np

_FINE, _COARSE = 4, 8  # numbers of a part
_FINE_UP_TO = 256  # dimensions; of more a code of coarse parts tells enough
_WORDS = 16  # of a part
_MENDING = 2  # parts that hold the guess of q . e
_LEVELS = _WORDS**2  # of it
_MIXED = 32  # axes
_SHARED = 0.5  # of the residual
_ROUNDS = 10  # of k-means
_TRAINED_A_WORD = 512  # vectors


@dataclass(frozen=True)
class ProductCoder:
    """What is trained, once for all segments that are alike; it travels to workers.

    Attributes:
      turn: R [T, D], orthonormal columns.
      centroids: of the lists, turned, [L, T], of one length.
      words: of the parts, [T / P, 16, P].
      least, step: the first level of the guesses, and from one to the next.
    """

    turn: np.ndarray
    centroids: np.ndarray
    words: np.ndarray
    least: float = 0.0
    step: float = 1.0

    @classmethod
    def train(cls, sample: np.ndarray, lists: int, seed: int = 0) -> ProductCoder:
        """Train on unit vectors [n, D] float32."""
        dimension = sample.shape[1]
        part = _FINE if dimension <= _FINE_UP_TO else _COARSE
        width = -(-dimension // (2 * part)) * 2 * part  # two parts a byte
        means = faiss.Kmeans(dimension, lists, niter=_ROUNDS, spherical=True, seed=seed, min_points_per_centroid=1)
        means.train(sample)
        products, chosen = means.index.search(sample, 1)
        centroids = means.centroids * products.mean()  # about the means of their lists
        residuals = sample - centroids[chosen[:, 0]]
        turn = _axes(residuals, width, part)
        quantizer = faiss.ProductQuantizer(width, width // part, 4)
        quantizer.cp.min_points_per_centroid = 1
        least, most = _WORDS, _TRAINED_A_WORD * _WORDS
        rows = np.linspace(0, len(sample) - 1, min(max(len(sample), least), most)).astype(int)
        quantizer.train(residuals[rows] @ turn.T)
        words = faiss.vector_to_array(quantizer.centroids).reshape(-1, _WORDS, part)
        coder = cls(turn, centroids @ turn.T, words)
        low, high = np.quantile(coder.coded(sample)[2], (0.001, 0.999))
        return replace(coder, least=float(low), step=max(float(high - low) / (_LEVELS - 1), 1e-9))

    def write(self, path: Path, blocks: Iterable[np.ndarray]) -> None:
        """Write an index over unit vectors, block by block [n, D] float32, that takes queries [Q, D]."""
        part = self._part
        lists, width = len(self.centroids), len(self.turn) + _MENDING * part
        coarse = faiss.IndexFlatIP(width)
        coarse.add(np.pad(self.centroids, ((0, 0), (0, _MENDING * part))))
        plain = faiss.IndexIVFPQ(coarse, width, lists, width // part, 4, faiss.METRIC_INNER_PRODUCT)
        plain.by_residual, plain.use_precomputed_table = True, -1
        faiss.copy_array_to_vector(self._every_word().ravel(), plain.pq.centroids)
        plain.is_trained = True
        first = 0
        for block in blocks:
            chosen, codes, guesses = self.coded(block)
            levels = np.clip(np.rint((guesses - self.least) / self.step), 0, _LEVELS - 1).astype(np.uint8)
            _file(plain, chosen, np.column_stack([codes, levels]), first)
            first += len(block)
        plain.ntotal = first
        turning, scanned = self._turning(), faiss.IndexIVFPQFastScan(plain)
        faiss.write_index(faiss.IndexPreTransform(turning, scanned), str(path))

    def coded(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns of unit vectors [n, D] the lists [n], the codes [n, B - 1] and e . (c + r / 2), [n]."""
        width = len(self.turn)
        nearest = faiss.IndexFlatIP(width)
        nearest.add(self.centroids)
        quantizer = faiss.ProductQuantizer(width, width // self._part, 4)
        faiss.copy_array_to_vector(self.words.ravel(), quantizer.centroids)
        turned = vectors @ self.turn.T
        lists = nearest.search(turned, 1)[1][:, 0]
        centroids = self.centroids[lists]
        residuals = turned - centroids
        codes = quantizer.compute_codes(residuals)
        lost = residuals - quantizer.decode(codes)
        return lists, codes, np.einsum("nt,nt->n", lost, centroids + _SHARED * residuals)

    @property
    def _part(self) -> int:
        return self.words.shape[2]

    def _every_word(self) -> np.ndarray:
        """Returns the words of all parts [T / P + 2, 16, P], last those of the guess: its low and its high digit."""
        digits = np.zeros((_MENDING, _WORDS, self._part), np.float32)
        digits[0, :, 0] = self.least + self.step * np.arange(_WORDS)
        digits[1, :, 0] = self.step * _WORDS * np.arange(_WORDS)
        return np.concatenate([self.words, digits])

    def _turning(self) -> faiss.LinearTransform:
        """Returns what makes of a query [D] one of the index: turned, with a one where the parts of the guess begin."""
        width, dimension = self.turn.shape
        mending = _MENDING * self._part
        made = faiss.LinearTransform(dimension, width + mending, True)
        faiss.copy_array_to_vector(np.pad(self.turn, ((0, mending), (0, 0))).ravel(), made.A)
        ones = np.zeros(width + mending, np.float32)
        ones[width :: self._part] = 1
        faiss.copy_array_to_vector(ones, made.b)
        made.is_trained = True
        return made


def _axes(residuals: np.ndarray, width: int, part: int) -> np.ndarray:
    """Returns axes of residuals [n, D] as rows [T, D], zeros for those beyond D, sorted into parts of P."""
    dimension = residuals.shape[1]
    variances, axes = np.linalg.eigh((residuals.T @ residuals).astype(np.float64) / len(residuals))
    axes = np.pad(axes.T[::-1], ((0, width - dimension), (0, 0)))
    variances = np.pad(variances[::-1], (0, width - dimension))
    generator = np.random.default_rng(0)
    for start in range(0, dimension // _MIXED * _MIXED, _MIXED):
        mixed = slice(start, start + _MIXED)
        axes[mixed] = np.linalg.qr(generator.normal(size=(_MIXED, _MIXED)))[0] @ axes[mixed]
        variances[mixed] = variances[mixed].mean()
    parts: list[list[int]] = [[] for _ in range(width // part)]
    room = [(0.0, number) for number in range(len(parts))]  # (logarithm of the product of the variances, part)
    for axis, weight in enumerate(np.log(np.maximum(variances, 1e-9)) - np.log(1e-9)):
        product, number = heapq.heappop(room)
        parts[number].append(axis)
        if len(parts[number]) < part:
            heapq.heappush(room, (product + weight, number))
    return np.ascontiguousarray(axes[np.concatenate(parts)], np.float32)


def _file(index: faiss.IndexIVFPQ, lists: np.ndarray, codes: np.ndarray, first: int) -> None:
    """Put codes [n, B] into their lists [n]; they are those of the rows from `first`."""
    order = np.argsort(lists, kind="stable")
    starts = np.searchsorted(lists[order], np.arange(index.nlist + 1))
    rows, sorted_codes = order + first, np.ascontiguousarray(codes[order])
    for number in np.flatnonzero(np.diff(starts)).tolist():
        here = slice(starts[number], starts[number + 1])
        index.invlists.add_entries(
            number, len(rows[here]), faiss.swig_ptr(rows[here]), faiss.swig_ptr(sorted_codes[here])
        )
