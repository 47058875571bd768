"""Holds Milvus to the exact store: the same ten images of 50,000, in the same order, with the same cosines.

Usage: .venv/bin/python -m benchmarks.search.same_in_milvus [--rows 50000] [--dimension 640] [--queries 100]

Starts the server that `make test-milvus` installs, and says how long adding and searching take. Fails where the two
differ.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.search.clustered import clustered
from benchmarks.search.milvus_server import milvus_server
from benchmarks.shared.machine import describe_machine
from serving.search.shards.schema import vector_column
from serving.search.stores.milvus.milvus_store import MilvusStore, create_milvus_store
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store

K = 10


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dimension", type=int, default=640)
    parser.add_argument("--queries", type=int, default=100)
    said = parser.parse_args(arguments)
    print(f"{said.rows} x {said.dimension}; {describe_machine()}")
    vectors = np.concatenate(list(clustered(said.rows, said.dimension, seed=0)))
    rows = pa.table({"id": [f"{row:09}" for row in range(said.rows)], "vector": vector_column(vectors)})
    queries = np.concatenate(list(clustered(said.queries, said.dimension, seed=1)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with milvus_server(folder) as address:
            create_milvus_store(address, "same", fingerprint="made", dimension=said.dimension)
            create_segment_store(folder / "faiss", fingerprint="made", dimension=said.dimension)
            in_milvus = MilvusStore(address, "same")
            here = SegmentStore(folder / "faiss", sizes=Sizes(exact_below=said.rows + 1))
            found = []
            for label, store in (("Milvus, FLAT", in_milvus), ("segments, every vector compared", here)):
                start = time.perf_counter()
                store.add(rows)
                added = time.perf_counter()
                found.append(store.search(queries, K))
                ended = time.perf_counter()
                print(f"{label}: {said.rows / (added - start):.0f} rows a second added, {said.queries} queries in "
                      f"{ended - added:.2f} s", flush=True)  # fmt: skip
    left, right = found
    same = left.ids == right.ids and all((a == b).all() for a, b in zip(left.scores, right.scores, strict=True))
    if not same:
        differ = sum(a != b for a, b in zip(left.ids, right.ids, strict=True))
        raise SystemExit(f"the two stores give other images for {differ} of {said.queries} queries, or other cosines")
    print(f"the same {K} images, order and cosines for {said.queries} queries")


if __name__ == "__main__":
    main()
