"""Measures how many true neighbours a store in Milvus finds by each kind of its indexes, and how fast.

Usage: .venv/bin/python -m benchmarks.search.in_milvus [--rows 50000] [--dimension 640] [--queries 200]
       [--index FLAT IVF_SQ8 HNSW]

Starts the server that `make test-milvus` installs, and says a line a kind: rows added a second, seconds until the index
stands, recall@10 against the exact cosines of the fp16 vectors, queries a second in batches of 50, and the median of
one query alone. Searches take the way over gRPC that `align search` takes, exact cosines of the candidates included.
DISKANN is asked for by name: on a disk that is not quick its index stood not after four minutes.
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
from serving.search.shards.schema import vector_column, vectors_of
from serving.search.stores.milvus.milvus_store import BUILT, MilvusStore, create_milvus_store

K = 10
_ROUNDING = 1e-5  # of cosines in float32
_BATCH = 50
_ALONE = 50  # queries that are asked one by one
_POLL_S = 0.5


def filled(address: str, index: str, rows: pa.Table, dimension: int) -> tuple[MilvusStore, float, float]:
    """Returns a store that holds rows in sealed segments, seconds to add them, and seconds until they are indexed."""
    create_milvus_store(address, f"of_{index}", fingerprint="made", dimension=dimension, index=index)
    store = MilvusStore(address, f"of_{index}")
    start = time.perf_counter()
    store.add(rows)
    added = time.perf_counter()
    store.connection.ask("flush")
    while True:
        said = store.connection.ask("describe_index", index_name="vector")
        if said["state"] == "Finished" and int(said["indexed_rows"]) >= len(rows):
            break
        time.sleep(_POLL_S)
    for what in ("release_collection", "load_collection"):  # or it goes on searching what it held before
        store.connection.ask(what)
    return store, added - start, time.perf_counter() - added


def found_by(store: MilvusStore, queries: np.ndarray) -> np.ndarray:
    """Returns the exact cosines of the rows that are found, [Q, K]."""
    batches = range(0, len(queries), _BATCH)
    return np.array([line for start in batches for line in store.search(queries[start : start + _BATCH], K).scores])


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """Returns the share of found rows [Q, K] that are as near as the K-th nearest: of equal pictures any one counts."""
    return float((found >= exact[:, -1:] - _ROUNDING).mean())


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--dimension", type=int, default=640)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--index", nargs="+", choices=list(BUILT), default=["FLAT", "IVF_SQ8", "HNSW"])
    said = parser.parse_args(arguments)
    print(f"{said.rows} x {said.dimension}; {describe_machine()}")
    vectors = np.concatenate(list(clustered(said.rows, said.dimension, seed=0)))
    rows = pa.table({"id": [f"{row:09}" for row in range(said.rows)], "vector": vector_column(vectors)})
    queries = np.concatenate(list(clustered(said.queries, said.dimension, seed=1)))
    stored = vectors_of(rows).astype(np.float32)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    exact = -np.sort(-(queries @ stored.T), axis=1)[:, :K]  # [Q, K]
    with tempfile.TemporaryDirectory() as name, milvus_server(Path(name)) as address:
        for index in said.index:
            store, added, indexed = filled(address, index, rows, said.dimension)
            found_by(store, queries[:_BATCH])
            start = time.perf_counter()
            found = found_by(store, queries)
            batch = len(queries) / (time.perf_counter() - start)
            alone = []
            for query in queries[:_ALONE]:
                start = time.perf_counter()
                store.search(query[None], K)
                alone.append(time.perf_counter() - start)
            print(f"{index}: {said.rows / added:.0f} rows a second added, indexed after {indexed:.0f} s, recall@{K} "
                  f"{recall(found, exact):.3f}, {batch:.0f} queries a second, one {1e3 * np.median(alone):.1f} ms",
                  flush=True)  # fmt: skip
            store.connection.ask("drop_collection")


if __name__ == "__main__":
    main()
