"""Says what a store in segments takes in the memory of a process that opens it and searches it.

Usage: .venv/bin/python -m benchmarks.search.memory FOLDER [--queries queries.npy]

Says one line of JSON: bytes of its own (anonymous pages, which the kernel cannot drop), bytes of mapped files that
searches have read (which it can), and the number of images.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from serving.search.shards.schema import vector_column
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store


def resident() -> dict[str, int]:
    """Returns the bytes of this process in memory: "own", and "mapped" from files."""
    ctypes.CDLL(None).malloc_trim(0)  # what is free already is nobody's
    told = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    held = {name: 1024 * int(count) for name, count in re.findall(r"^(\w+): +(\d+) kB", told, re.MULTILINE)}
    return {"own": held["Anonymous"], "mapped": held["Rss"] - held["Anonymous"]}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the store")
    parser.add_argument("--queries", type=Path, help="[Q, D], of any length; asked one by one")
    said = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:  # what the libraries take at first use is no store's
        create_segment_store(Path(name), fingerprint="made", dimension=8)
        small = SegmentStore(Path(name), sizes=Sizes(exact_below=1, bytes_below=1, few=0, fewest=1, widened_below=8))
        small.add(pa.table({"id": list("abcdefgh"), "vector": vector_column(np.eye(8))}))
        small.search(np.eye(8), 1)
    before = resident()
    store = SegmentStore(said.folder)
    for query in np.load(said.queries) if said.queries else []:
        store.search(query[None], 10)
    after = resident()
    print(json.dumps({name: after[name] - before[name] for name in before} | {"images": store.count()}))


if __name__ == "__main__":
    main()
