"""Measures how many true neighbours a store in segments finds and how fast, beside FAISS flat, usearch and ScaNN.

Usage: .venv/bin/python -m benchmarks.search.recall_speed [--rows 200000] [--dimension 640] [--queries 1000]
       [--threads 2] [--peers all] [--spread 0.6]

Says a line an index, and ours by how many lists are looked into: seconds to build it, bytes a vector in memory (ours as
benchmarks.search.memory measures them in a process that opens the store; fp16 vectors and metadata are mapped files),
recall@10 against the exact cosines of the fp16 vectors, queries a second in one batch, the median of one query alone,
and both beside FAISS flat's, whose batch takes turns with each of ours. Then the recall of queries that nothing was
tuned on, and how fast 10,000 rows more are added. `--peers none` leaves usearch and ScaNN out, which are fetched at
first use (0.1 and 2 GB). `--spread 100` makes vectors that have no topics.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa

from benchmarks.search.clustered import SPREAD, clustered
from benchmarks.shared.checkout import ROOT
from benchmarks.shared.machine import describe_machine
from benchmarks.shared.peer_environment import peer_python
from serving.search.shards.schema import vector_column
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store

K = 10
PROBES = (8, Sizes().probes, 32)  # lists that are looked into
_ALONE = 100  # queries that are asked one by one
_ADDED = 10_000  # rows
_TUNED, _FRESH = 1, 2  # seeds of queries
_TURNS = 3

Search = Callable[[np.ndarray], np.ndarray]  # [Q, D] -> [Q, K] rows


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """Returns the share of the exact neighbours [Q, K] among those found [Q, K]."""
    return float(np.mean([len(np.intersect1d(line, right)) for line, right in zip(found, exact, strict=True)])) / K


@dataclass(frozen=True)
class Measured:
    """An index: seconds to build it, bytes a vector, recall, queries a second in a batch, seconds of one alone."""

    name: str
    built: float
    size: float
    recall: float
    batch: float
    alone: float

    def tell(self, flat: Measured) -> None:
        """Say the line of an index beside FAISS flat."""
        print(
            f"{self.name:32} {self.built:8.1f} {self.size:10.1f} {self.recall:9.3f} {self.batch:10.0f} "
            f"{self.alone * 1e3:10.2f} {self.batch / flat.batch:8.1f} {flat.alone / self.alone:8.1f}",
            flush=True,
        )


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


def in_turns(flat: Search, ours: Search, queries: np.ndarray) -> tuple[float, float]:
    """Returns the queries a second of both, medians of batches by turns."""
    taken = []
    for _ in range(_TURNS):
        for search in (flat, ours):
            start = time.perf_counter()
            search(queries)
            taken.append(time.perf_counter() - start)
    return len(queries) / float(np.median(taken[::2])), len(queries) / float(np.median(taken[1::2]))


def nearest_by(index: faiss.Index, queries: np.ndarray) -> np.ndarray:
    """Returns the rows [Q, K] that an index of FAISS finds."""
    return index.search(queries, K)[1]


def build(folder: Path, vectors: np.ndarray) -> float:
    """Build a store of ours. Returns seconds to add the vectors."""
    create_segment_store(folder, fingerprint="made", dimension=vectors.shape[1])
    start = time.perf_counter()
    SegmentStore(folder).add(rows_of(vectors))
    return time.perf_counter() - start


def rows_of(vectors: np.ndarray, first: int = 0) -> pa.Table:
    """Returns rows of a store, by number."""
    ids = [f"{row:09}" for row in range(first, first + len(vectors))]
    return pa.table({"id": ids, "vector": vector_column(vectors)})


def memory(folder: Path, count: int) -> float:
    """Returns bytes a vector that a process takes which opens a store of ours."""
    command = [sys.executable, "-m", "benchmarks.search.memory", str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return json.loads(told.stdout)["own"] / count


def peers(folder: Path, threads: int) -> Iterator[tuple[Measured, np.ndarray]]:
    """Yields what usearch and ScaNN do with vectors.npy and queries.npy of a folder, and the rows they find."""
    for name, module, packages, gigabytes in (
        ("usearch", "benchmarks.search.usearch_peer", ["usearch>=2.17,<3", "numpy"], 0.1),
        ("scann", "benchmarks.search.scann_peer", ["scann>=1.3.2,<2", "numpy"], 2),
    ):
        try:
            python = peer_python(name, packages, gigabytes=gigabytes)
        except RuntimeError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        command = [str(python), "-m", module, str(folder), str(threads)]
        told_by = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for told in told_by.stdout.splitlines():
            said = json.loads(told)
            found = np.load(folder / said.pop("found"))
            yield Measured(recall=0.0, **said), found


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
    parser.add_argument("--spread", type=float, default=SPREAD)
    said = parser.parse_args(arguments)
    faiss.omp_set_num_threads(said.threads)
    print(f"{said.rows} x {said.dimension}, {said.threads} threads; {describe_machine()}")
    print(
        f"{'index':32} {'build s':>8} {'B a vector':>10} {'recall@10':>9} {'batch QPS':>10} {'one, ms':>10} "
        f"{'x batch':>8} {'x one':>8}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = partial(clustered, dimension=said.dimension, spread=said.spread)
        parts = [part.astype(np.float16) for part in made(said.rows, seed=0)]
        vectors = np.concatenate(parts)
        queries, fresh = (np.concatenate(list(made(said.queries, seed=seed))) for seed in (_TUNED, _FRESH))
        index = faiss.IndexFlatIP(said.dimension)
        start = time.perf_counter()
        for part in parts:
            block = part.astype(np.float32)
            index.add(block / np.linalg.norm(block, axis=1, keepdims=True))
        built = time.perf_counter() - start
        exact, batch, alone = timed(partial(nearest_by, index), queries)
        flat = Measured("FAISS flat, float32", built, 4 * said.dimension, 1, batch, alone)
        flat.tell(flat)
        del parts
        built = build(folder / "store", vectors)
        size = memory(folder / "store", said.rows)
        for probes in PROBES:
            store = SegmentStore(folder / "store", sizes=replace(Sizes(), probes=probes))
            ours = partial(nearest_in, store)
            found, _, alone = timed(ours, queries)
            beside, batch = in_turns(partial(nearest_by, index), ours, queries)
            line = Measured(f"ours, {probes} lists", built, size, recall(found, exact), batch, alone)
            line.tell(replace(flat, batch=beside))
        of_fresh = recall(nearest_in(SegmentStore(folder / "store"), fresh), nearest_by(index, fresh))
        print(f"ours, {Sizes().probes} lists, queries of another seed: recall@{K} {of_fresh:.3f}", flush=True)
        del index
        if said.peers == "all":
            np.save(folder / "vectors.npy", vectors)
            np.save(folder / "queries.npy", queries)
            for measured, found in peers(folder, said.threads):
                replace(measured, recall=recall(found, exact)).tell(flat)
        more = rows_of(vectors[:_ADDED], first=said.rows)
        start = time.perf_counter()
        store.add(more)
        print(f"{_ADDED} rows more: {_ADDED / (time.perf_counter() - start):.0f} a second")


if __name__ == "__main__":
    main()
