"""Says what an index of 160 million images costs in segments, from constants that it measures here.

Usage: .venv/bin/python -m benchmarks.search.cost_model [--images 160e6] [--dimension 640] [--rows 100000]

Builds one segment of `--rows` made vectors and searches it, in CPU time of one core, which others change little.
A segment of the size that a compaction makes has more lists: what grows with them is measured by itself, the product of
vectors and centroids, and scaled. Embedding is not counted: docs/cost.md does.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa

from benchmarks.search.clustered import clustered
from benchmarks.shared.machine import describe_machine
from serving.search.shards.schema import vector_column
from serving.search.stores.segments.codes import Sizes, lists_of
from serving.search.stores.segments.compaction import LARGEST
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store

_TRAINED_A_LIST, _ITERATIONS = 64, 10  # as build_codes trains
_QUERIES = 500
_CAPTION = "a photograph of something that stands in a place, with a few words more of what"


def cpu_seconds(work: Callable[[], object]) -> float:
    """Returns the CPU time of some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=float, default=160e6)
    parser.add_argument("--dimension", type=int, default=640)
    parser.add_argument("--rows", type=int, default=100_000, help="50,000 or more")
    said = parser.parse_args(arguments)
    faiss.omp_set_num_threads(1)
    images, dimension, rows = int(said.images), said.dimension, said.rows
    print(f"from a segment of {rows} x {dimension}, on one core; {describe_machine()}")
    vectors = np.concatenate(list(clustered(rows, dimension, seed=0)))
    queries = np.concatenate(list(clustered(_QUERIES, dimension, seed=1)))
    table = pa.table(
        {
            "id": [f"{row:032x}" for row in range(rows)],
            "vector": vector_column(vectors),
            "caption": [_CAPTION] * rows,
            "source": ["gs://bucket/folder/part-00000.tar"] * rows,
            "sha256": ["0" * 64] * rows,
        }
    )
    with tempfile.TemporaryDirectory() as name:
        create_segment_store(Path(name), fingerprint="made", dimension=dimension)
        store = SegmentStore(Path(name))
        add = cpu_seconds(lambda: store.add(table))
        sizes = {file.name.split("/")[1]: file.size for entry in store.entries() for file in entry.files}
        store.search(queries[:9], 10)
        one = cpu_seconds(lambda: [store.search(query[None], 10) for query in queries]) / _QUERIES
    lists, many = lists_of(rows, product=True), lists_of(LARGEST, product=True)
    centroids = faiss.IndexFlatIP(dimension)
    centroids.add(vectors[:lists])
    product = cpu_seconds(lambda: centroids.search(vectors, 1)) / rows / lists  # a vector and a centroid
    rotation = 4 * dimension * (dimension + 8)  # and two parts more
    code = (sizes["codes.faiss"] - rotation - 4 * dimension * lists) / rows
    trained = _ITERATIONS * _TRAINED_A_LIST  # vectors a list that training compares with all lists
    encoded = add / rows - product * (lists + trained * lists * lists / rows)
    segments = math.ceil(images / LARGEST)
    held = images * code + segments * (rotation + 4 * dimension * many)
    training = product * trained * many * many  # once
    build = images * (encoded + product * many) + training
    sampled = 2e-9 * dimension * _TRAINED_A_LIST * many
    asked = segments * (one + product * (many - lists))
    raw, places = 4e-9 * dimension * images, segments * Sizes().fewest
    told = {
        "raw vectors": f"{raw:.0f} GB as float32, {raw / 2:.0f} GB as fp16",
        "codes": f"{code:.1f} bytes each; {held / 1e9:.1f} GB with {segments} segments of {many} lists",
        "metadata": f"{sizes['rows.arrow'] / rows:.0f} bytes each, {sizes['rows.arrow'] / rows * images / 1e9:.0f} GB",
        "shuffled": f"names of files, and {sampled:.1f} GB of samples that one worker trains on",
        "read and written": f"{raw:.0f} and {raw:.0f} GB by encoders, where a group outgrows their memory",
        "build": f"{build / 3600:.0f} hours of a core, {training / 3600:.2f} of it to train once",
        "memory": f"{held / 1e9:.1f} GB on one server, {held / segments / 1e9:.2f} GB a segment on several",
        "search": f"{asked * 1e3:.1f} ms of a core over all segments, {1 / asked:.0f} queries a second a core",
        "disk or its cache": f"{2e-6 * places * dimension:.1f} MB of fp16 vectors at {places} places a query",
    }
    for what, figure in told.items():
        print(f"{what:18}{figure}")


if __name__ == "__main__":
    main()
