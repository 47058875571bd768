"""Measures how many true neighbours a store in segments finds and how fast, beside FAISS flat and usearch.

Usage: .venv/bin/python -m benchmarks.search.recall_speed [--rows 200000] [--dimension 640] [--queries 1000]
       [--threads 2] [--peers all]

Says a line an index, and ours by how many lists are looked into: seconds to build it, bytes a vector in memory (of the
codes or the graph; our fp16 vectors and metadata are mapped files), recall@10 against the exact cosines of the fp16
vectors, queries a second in one batch, and the median of one query alone. `--peers none` leaves usearch out, which is
fetched at first use.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa

from benchmarks.search.clustered import clustered
from benchmarks.shared.checkout import ROOT
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.peer_environment import peer_python
from serving.search.shards.schema import vector_column
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store

K = 10
PROBES = (8, 16, Sizes().probes, 48)  # lists that are looked into
_ALONE = 200  # queries that are asked one by one

Search = Callable[[np.ndarray], np.ndarray]  # [Q, D] -> [Q, K] rows


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """Returns the share of the exact neighbours [Q, K] among those found [Q, K]."""
    return float(np.mean([len(np.intersect1d(line, right)) for line, right in zip(found, exact, strict=True)])) / K


def line(name: str, built: float, size: float, share: float, batch: float, alone: float) -> str:
    """Returns what is told of an index; batch in queries a second, alone in seconds."""
    return f"{name:32} {built:8.1f} {size:10.0f} {share:9.3f} {batch:10.0f} {alone * 1e3:10.2f}"


def timed(search: Search, queries: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Returns what is found, queries a second in one batch, and the median seconds of a query alone."""
    search(queries[:20])
    start = time.perf_counter()
    found = search(queries)
    batch = len(queries) / (time.perf_counter() - start)
    alone = []
    for query in queries[:_ALONE]:
        start = time.perf_counter()
        search(query[None])
        alone.append(time.perf_counter() - start)
    return found, batch, float(np.median(alone))


def nearest_by(index: faiss.Index, queries: np.ndarray) -> np.ndarray:
    """Returns the rows [Q, K] that an index of FAISS finds."""
    return index.search(queries, K)[1]


def build(folder: Path, vectors: np.ndarray, sizes: Sizes) -> tuple[float, float]:
    """Build a store of ours. Returns seconds to add the vectors, and bytes a vector of its codes."""
    create_segment_store(folder, fingerprint="made", dimension=vectors.shape[1])
    store = SegmentStore(folder, sizes=sizes)
    start = time.perf_counter()
    store.add(pa.table({"id": [f"{row:09}" for row in range(len(vectors))], "vector": vector_column(vectors)}))
    built = time.perf_counter() - start
    size = sum(file.size for entry in store.entries() for file in entry.files if file.name.endswith("codes.faiss"))

    return built, size / len(vectors)


def nearest_in(store: SegmentStore, queries: np.ndarray) -> np.ndarray:
    """Returns the rows [Q, K] that a store of ours finds."""
    return np.array([[int(name) for name in ids] for ids in store.search(queries, K).ids])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--dimension", type=int, default=640)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peers", choices=["all", "none"], default="all")
    said = parser.parse_args(arguments)
    faiss.omp_set_num_threads(said.threads)
    print(f"{said.rows} x {said.dimension}, {said.threads} threads; {describe_machine()}")
    print(f"{'index':32} {'build s':>8} {'B a vector':>10} {'recall@10':>9} {'batch QPS':>10} {'one, ms':>10}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts = [part.astype(np.float16) for part in clustered(said.rows, said.dimension, seed=0)]
        vectors = np.concatenate(parts)
        queries = np.concatenate(list(clustered(said.queries, said.dimension, seed=1)))
        flat = faiss.IndexFlatIP(said.dimension)
        start = time.perf_counter()
        for part in parts:
            block = part.astype(np.float32)
            flat.add(block / np.linalg.norm(block, axis=1, keepdims=True))
        built = time.perf_counter() - start
        exact, batch, alone = timed(partial(nearest_by, flat), queries)
        print(line("FAISS flat, float32", built, 4 * said.dimension, 1, batch, alone), flush=True)
        del flat
        for kind, bytes_below in (("SQ8", said.rows + 1), ("RaBitQ", 0)):
            built, size = build(folder / kind, vectors, Sizes(exact_below=0, bytes_below=bytes_below))
            for probes in PROBES:
                store = SegmentStore(folder / kind, sizes=Sizes(probes=probes))
                found, batch, alone = timed(partial(nearest_in, store), queries)
                print(
                    line(f"ours, {kind}, {probes} lists", built, size, recall(found, exact), batch, alone), flush=True
                )
        if said.peers == "none":
            return
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "queries.npy", queries)
        python = peer_python("usearch", ["usearch>=2.17,<3", "numpy"], gigabytes=0.1)
        command = [str(python), "-m", "benchmarks.search.usearch_peer", str(folder), str(said.threads)]
        told_by = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for told in told_by.stdout.splitlines():
            peer = json.loads(told)
            found = np.load(folder / f"found-{peer['expansion']}.npy")
            name, rate = f"usearch f16, expansion {peer['expansion']}", said.queries / peer["batch"]
            size = peer["bytes"] / said.rows
            print(line(name, peer["built"], size, recall(found, exact), rate, peer["p50"]), flush=True)


if __name__ == "__main__":
    main()
