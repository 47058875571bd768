"""Measures how many true neighbours the codes of a segment name among a trained model's own vectors.

Usage: .venv/bin/python -m benchmarks.search.real_vectors [--run output/align-demo] [--queries 1000]

Made vectors have one spectrum, and queries from among the images. A model's texts lie apart from its images. A small
run has few images, and each is coded here all the same. Says the recall@10 of the rows that the codes name, for
queries by text and by image, beside RaBitQ's, whose codes are as long. The images of the queries are left out of what
is searched. `make demo` makes the run.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa

from benchmarks.search.recall_speed import K, recall
from benchmarks.shared.machine import describe_machine
from serving.encoders.saved_model import SavedModelEncoder
from serving.search.shards.files import read_shard
from serving.search.shards.schema import vectors_of
from serving.search.stores.segments.codes import Codes, Sizes, build_codes, lists_of
from serving.search.unit import unit

NAMED = (20, 60)  # candidates of a query


def write_rabitq(path: Path, vectors: np.ndarray) -> None:
    """Write FAISS's own index of [n, D] unit vectors, of as many lists as ours."""
    form = f"RR{vectors.shape[1]},IVF{lists_of(len(vectors), True)},RaBitQfs"
    index = faiss.index_factory(vectors.shape[1], form, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    faiss.write_index(index, str(path))


def main() -> None:
    """Say a line a kind of query, a kind of codes and a number of candidates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("output/align-demo"))
    parser.add_argument("--queries", type=int, default=1000)
    asked = parser.parse_args()
    shards = sorted(max((asked.run / "index").iterdir()).glob("shards/*.parquet"))  # of the newest model
    rows = pa.concat_tables([read_shard(shard, ["vector", "caption"]) for shard in shards])
    order = np.random.default_rng(0).permutation(len(rows))
    images = unit(vectors_of(rows))[order]
    of_query, searched = images[: asked.queries], images[asked.queries :].astype(np.float16)
    newest = max((asked.run / "serving_models" / "align").iterdir(), key=lambda version: int(version.name))
    captions = rows["caption"].take(order[: asked.queries]).to_pylist()
    texts = SavedModelEncoder(newest).encode_text([caption or "" for caption in captions])
    print(describe_machine())
    print(f"{len(searched):,} images of {images.shape[1]} dimensions in {lists_of(len(searched), True)} lists")
    with tempfile.TemporaryDirectory() as folder:
        ours, rabitq = Path(folder) / "ours", Path(folder) / "rabitq"
        build_codes(ours, searched, Sizes(bytes_below=1))
        write_rabitq(rabitq, unit(searched))
        for of, queries in (("text", texts), ("image", of_query)):
            exact = np.argsort(-(queries @ searched.T.astype(np.float32)), axis=1)[:, :K]
            for name, path in (("product codes", ours), ("RaBitQ", rabitq)):
                codes = Codes.read(path, searched)
                for named in NAMED:
                    found, _ = codes.search(queries, named, None, Sizes().probes)
                    print(f"by {of:6} {name:14} {named:3} named: recall@{K} {recall(found[:, :K], exact):.3f}")


if __name__ == "__main__":
    main()
