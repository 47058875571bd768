"""Builds and asks ScaNN, in an environment of its own, as its own guide has it for a few hundred thousand vectors.

Started by benchmarks.search.recall_speed with a folder of vectors.npy [N, D] float16 and queries.npy [Q, D] float32.
Writes found-<leaves>-<reordered>.npy [Q, 10] there, and a line of JSON a setting on standard output. Its bytes a vector
are those of the 4-bit codes and of the float32 vectors that it reorders by, which it keeps in memory.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

SEARCHED = ((40, 400), (100, 400), (200, 800))  # leaves that are looked into, candidates that are reordered
_NUMBERS_A_BLOCK = 4  # to a code of 4 bits: 80 bytes of 640 numbers, as many as ours have


def main() -> None:
    import scann

    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    vectors = np.load(folder / "vectors.npy").astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = np.load(folder / "queries.npy")
    start = time.perf_counter()
    index = (
        scann.scann_ops_pybind.builder(vectors, 10, "dot_product")
        .set_n_training_threads(threads)
        .tree(num_leaves=round(len(vectors) ** 0.5), num_leaves_to_search=20, training_sample_size=100_000)
        .score_ah(_NUMBERS_A_BLOCK, anisotropic_quantization_threshold=0.2)
        .reorder(100)
        .build()
    )
    index.set_num_threads(threads)
    built = time.perf_counter() - start
    dimension = vectors.shape[1]
    for leaves, reordered in SEARCHED:
        asked = {"leaves_to_search": leaves, "pre_reorder_num_neighbors": reordered}
        index.search_batched_parallel(queries[:20], **asked)
        start = time.perf_counter()
        found, _ = index.search_batched_parallel(queries, **asked)
        batch = time.perf_counter() - start
        alone = []
        for query in queries[:100]:
            start = time.perf_counter()
            index.search(query, **asked)
            alone.append(time.perf_counter() - start)
        np.save(folder / f"found-{leaves}-{reordered}.npy", found.astype(np.int64))
        said = {
            "name": f"ScaNN, {leaves} leaves, {reordered}",
            "found": f"found-{leaves}-{reordered}.npy",
            "built": built,
        }
        said |= {"size": dimension / _NUMBERS_A_BLOCK / 2 + 4 * dimension, "batch": len(queries) / batch}
        print(json.dumps(said | {"alone": float(np.median(alone))}), flush=True)


if __name__ == "__main__":
    main()
