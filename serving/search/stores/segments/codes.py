"""Short codes of a segment's vectors in FAISS: which rows are worth a look at their fp16 vectors, and that look.

Legend: n vectors of a segment, D embedding dimension, L lists of the inverted file, C candidates of a query.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from serving.search.stores.segments.product_codes import ProductCoder
from serving.search.unit import unit

_ROWS_AT_ONCE = 16384
_TRAINED_A_LIST = 39  # FAISS warns of fewer vectors a list
SAMPLED_A_LIST = 64  # vectors that the codes are trained on
_LEAST_A_LIST = 400  # vectors; a list costs memory, 4 D bytes of its centroid and half a block of 32 codes


@dataclass(frozen=True)
class Sizes:
    """What a segment is given by its size, and how hard its codes are searched.

    Attributes:
      exact_below: segments of fewer rows have no codes: every vector is compared.
      bytes_below: segments of fewer rows have codes of D bytes (SQ8), larger ones product codes: D / 8 + 1 bytes,
        D / 16 + 1 where D > 256.
      few: share of a segment's rows; where fewer count, each of them is compared.
      candidates: how many rows the codes name for each that is asked for; their fp16 vectors are compared (C).
      fewest: how many rows they name at least.
      widened_below: where D is smaller they name more in proportion, for shorter codes tell less.
      probes: how many lists are looked into at least.
    """

    exact_below: int = 4096
    bytes_below: int = 50_000
    few: float = 0.02
    candidates: int = 10
    fewest: int = 100
    widened_below: int = 384
    probes: int = 16

    def wide(self, k: int, dimension: int) -> int:
        """Returns how many rows the codes name for a query, C."""
        return math.ceil(max(self.fewest, self.candidates * k) * max(1.0, self.widened_below / dimension))


class Codes:
    """An inverted file over the codes of n vectors, whose candidates are compared by the vectors themselves.

    Codes: SQ8, or product codes; RaBitQ behind a random rotation in segments of an index that was made before these.

    Reference:
      RaBitQ, arXiv:2405.12497.
    """

    def __init__(self, index: faiss.Index, vectors: np.ndarray) -> None:
        """Join codes and the vectors that they were made of, [n, D] float16, in memory or mapped, and left there."""
        self._rotated = isinstance(index, faiss.IndexPreTransform)
        self._lists = faiss.extract_index_ivf(index)
        self._held = index, vectors, _in_place(vectors)  # FAISS points at them
        self._refined = faiss.IndexRefine(index, self._held[2])

    @classmethod
    def read(cls, path: Path, vectors: np.ndarray) -> Codes:
        """Read what `build_codes` wrote of the vectors. Raises RuntimeError where the file is none."""
        return cls(faiss.read_index(str(path)), vectors)

    def search(
        self, queries: np.ndarray, count: int, allowed: np.ndarray | None, probes: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the rows whose codes are nearest.

        Args:
          queries: [Q, D] unit.
          count: how many rows a query, C.
          allowed: [n] bool, the rows that count; None is all.
          probes: how many lists are looked into, if no row were left out; the fewer count, the more lists are.

        Returns:
          rows [Q, C] int64, -1 where the lists held fewer, and their products q . x, falling, [Q, C] float32.
        """
        share = 1.0 if allowed is None else max(np.count_nonzero(allowed) / len(allowed), 1e-9)
        probes = min(self._lists.nlist, math.ceil(probes / share))
        kept = None if allowed is None else np.packbits(allowed, bitorder="little")
        selector = None if kept is None else faiss.IDSelectorBitmap(kept)
        inside = faiss.SearchParametersIVF(nprobe=probes, sel=selector)
        within = faiss.SearchParametersPreTransform(index_params=inside) if self._rotated else inside
        parameters = faiss.IndexRefineSearchParameters(k_factor=1.0, base_index_params=within)
        products, rows = self._refined.search(queries, count, params=parameters)
        return rows, products


def _in_place(vectors: np.ndarray) -> faiss.Index:
    """Returns an index of FAISS over [n, D] float16 that reads them where they are."""
    count, dimension = vectors.shape
    index = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    numbers = vectors.view(np.uint8).reshape(-1)
    nobody = faiss.MaybeOwnedVectorUInt8().owner  # frees them
    index.codes = faiss.MaybeOwnedVectorUInt8.create_view(faiss.swig_ptr(numbers), numbers.size, nobody)
    index.ntotal = count
    return index


def lists_of(count: int, product: bool) -> int:
    """Returns into how many lists the codes of so many vectors are sorted, L."""
    return max(1, min(round(2 * math.sqrt(count)), count // (_LEAST_A_LIST if product else _TRAINED_A_LIST)))


def build_codes(
    path: Path, vectors: np.ndarray, sizes: Sizes, seed: int = 0, coder: ProductCoder | None = None
) -> None:
    """Train on a sample of vectors, encode all of them block by block, and write the codes.

    Args:
      path: the file.
      vectors: [n, D] float16, in memory or mapped.
      sizes: which codes they get.
      seed: of the sample.
      coder: of product codes, trained already.
    """
    count, dimension = vectors.shape
    product = count >= sizes.bytes_below
    lists = lists_of(count, product)
    sample = np.sort(np.random.default_rng(seed).choice(count, min(count, SAMPLED_A_LIST * lists), replace=False))
    blocks = (unit(vectors[start : start + _ROWS_AT_ONCE]) for start in range(0, count, _ROWS_AT_ONCE))
    if product:
        (coder or ProductCoder.train(unit(vectors[sample]), lists, seed)).write(path, blocks)
    else:
        index = faiss.index_factory(dimension, f"IVF{lists},SQ8", faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = 10
        index.train(unit(vectors[sample]))
        for block in blocks:
            index.add(block)
        faiss.write_index(index, str(path))
