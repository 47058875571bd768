"""Short codes of a segment's vectors in FAISS: which rows are worth a look at their fp16 vectors.

Legend: n vectors of a segment, D embedding dimension, L lists of the inverted file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

_ROWS_AT_ONCE = 65536
_TRAINED_A_LIST = 39  # FAISS warns of fewer vectors a list
_LEAST_A_LIST = 450  # vectors; the centroid of a list, 4 D bytes, is then D / 112 bytes a vector beside its D / 8


@dataclass(frozen=True)
class Sizes:
    """What a segment is given by its size, and how hard its codes are searched.

    Attributes:
      exact_below: segments of fewer rows have no codes: every vector is compared.
      bytes_below: segments of fewer rows have codes of D bytes (SQ8), larger ones of D / 8 (RaBitQ).
      few: share of a segment's rows; where fewer count, each of them is compared.
      candidates: how many rows the codes name for each that is asked for; their fp16 vectors are compared.
      fewest: how many rows they name at least.
      probes: how many lists are looked into at least.
    """

    exact_below: int = 4096
    bytes_below: int = 50_000
    few: float = 0.02
    candidates: int = 5
    fewest: int = 50
    probes: int = 24


class Codes:
    """An inverted file over the codes of n vectors.

    Codes: SQ8, or RaBitQ behind a random rotation, which it needs where some dimensions vary more than others.

    Reference:
      RaBitQ, arXiv:2405.12497.
    """

    def __init__(self, index: faiss.Index) -> None:
        self._index = index
        self._lists = faiss.extract_index_ivf(index)

    @classmethod
    def read(cls, path: Path) -> Codes:
        """Read what `build_codes` wrote. Raises RuntimeError where the file is none."""
        return cls(faiss.read_index(str(path)))

    def search(self, queries: np.ndarray, count: int, allowed: np.ndarray | None, probes: int) -> np.ndarray:
        """Find the rows whose codes are nearest.

        Args:
          queries: [Q, D] unit.
          count: how many rows a query.
          allowed: [n] bool, the rows that count; None is all.
          probes: how many lists are looked into, if no row were left out; the fewer count, the more lists are.

        Returns:
          [Q, count] int64, -1 where the lists held fewer.
        """
        share = 1.0 if allowed is None else max(float(allowed.mean()), 1e-9)
        probes = min(self._lists.nlist, math.ceil(probes / share))
        kept = None if allowed is None else np.packbits(allowed, bitorder="little")
        selector = None if kept is None else faiss.IDSelectorBitmap(kept)
        rotated = isinstance(self._index, faiss.IndexPreTransform)
        if rotated:
            inside = faiss.IVFRaBitQSearchParameters(nprobe=probes, sel=selector, qb=4)  # 4 bits a number of a query
            parameters = faiss.SearchParametersPreTransform(index_params=inside)
        else:
            parameters = faiss.SearchParametersIVF(nprobe=probes, sel=selector)
        return self._index.search(queries, count, params=parameters)[1]


def build_codes(path: Path, vectors: np.ndarray, sizes: Sizes, seed: int = 0) -> None:
    """Train on a sample of vectors, encode all of them block by block, and write the codes.

    Args:
      path: the file.
      vectors: [n, D] float16, in memory or mapped.
      sizes: which codes they get.
      seed: of the sample.
    """
    count, dimension = vectors.shape
    rabitq = count >= sizes.bytes_below
    lists = max(1, min(round(2 * math.sqrt(count)), count // (_LEAST_A_LIST if rabitq else _TRAINED_A_LIST)))
    form = f"RR{dimension},IVF{lists},RaBitQ" if rabitq else f"IVF{lists},SQ8"
    index = faiss.index_factory(dimension, form, faiss.METRIC_INNER_PRODUCT)
    faiss.extract_index_ivf(index).cp.niter = 10
    sample = min(count, 64 * lists)
    rows = np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))
    index.train(_unit(vectors[rows]))
    for start in range(0, count, _ROWS_AT_ONCE):
        index.add(_unit(vectors[start : start + _ROWS_AT_ONCE]))
    faiss.write_index(index, str(path))


def _unit(vectors: np.ndarray) -> np.ndarray:
    block = vectors.astype(np.float32)
    return block / np.linalg.norm(block, axis=1, keepdims=True)
