"""Spreads the queries of a batch over threads, each of which computes alone.

OpenMP's own threads wait for one another by spinning. Where cores are busy, as in a server that many ask, a query on
two of them took ten times the CPU time of one thread, and up to 100 ms.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import faiss
import numpy as np

_LEAST = 16  # queries, for which a thread is worth its start
Line = TypeVar("Line")


def spread(search: Callable[[np.ndarray], list[Line]], queries: np.ndarray) -> list[Line]:
    """Returns what `search` finds for queries [Q, D], on as many threads as FAISS may use here (OMP_NUM_THREADS)."""
    threads = min(faiss.omp_get_max_threads(), len(queries) // _LEAST)
    if threads < 2:
        return _alone(search, queries)
    with ThreadPoolExecutor(threads) as pool:
        lines = pool.map(partial(_alone, search), np.array_split(queries, threads))
        return [line for some in lines for line in some]


def _alone(search: Callable[[np.ndarray], list[Line]], queries: np.ndarray) -> list[Line]:
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of this thread alone
    try:
        return search(queries)
    finally:
        faiss.omp_set_num_threads(before)
