"""Builds and asks usearch, in an environment of its own.

Started by benchmarks.search.recall_speed with a folder of vectors.npy [N, D] float16 and queries.npy [Q, D] float32.
Writes found-<expansion>.npy [Q, 10] there, and a line of JSON a measured expansion on standard output.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

EXPANSIONS = (32, 64)


def main() -> None:
    from usearch.index import Index

    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    vectors, queries = np.load(folder / "vectors.npy", mmap_mode="r"), np.load(folder / "queries.npy")
    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f16")
    start = time.perf_counter()
    for first in range(0, len(vectors), 20_000):
        some = np.asarray(vectors[first : first + 20_000])
        index.add(np.arange(first, first + len(some)), some, threads=threads)
    built = time.perf_counter() - start
    for expansion in EXPANSIONS:
        index.expansion_search = expansion
        start = time.perf_counter()
        found = index.search(queries, 10, threads=threads).keys
        batch = time.perf_counter() - start
        alone = []
        for query in queries[:100]:
            start = time.perf_counter()
            index.search(query, 10)
            alone.append(time.perf_counter() - start)
        np.save(folder / f"found-{expansion}.npy", np.asarray(found, np.int64))
        said = {"name": f"usearch f16, expansion {expansion}", "found": f"found-{expansion}.npy", "built": built}
        said |= {
            "size": index.memory_usage / len(vectors),
            "batch": len(queries) / batch,
            "alone": float(np.median(alone)),
        }
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
