"""Measures a text query from its HTTP request to its answer, model included, with many clients at once.

Usage: .venv/bin/python -m benchmarks.search.end_to_end [--rows 1000000] [--clients 8] [--seconds 20]
       [--model output/align-demo/serving_models/align] [--index FOLDER] [--adds 0]

Makes an index of clustered vectors for the model, with captions to show, starts `align search` on it, and has clients
in a process of their own ask one text after the other, no text twice. `--index` keeps that index, or takes one that is
there. `--adds` rows a second are added meanwhile by a third process. Says milliseconds from sending to the last byte,
answers that were errors, and the server's CPU time a query.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.search.clustered import clustered
from benchmarks.shared.checkout import ROOT
from benchmarks.shared.machine import describe_machine
from serving.encoders.opening import open_encoder
from serving.search.shards.schema import vector_column
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store
from tfx_pipeline.indexing.folder import Made, is_index

WORDS = ("red", "blue", "small", "old", "sad", "happy", "cat", "dog", "boat", "house", "tree", "sky", "sea", "face")


def rows_of(vectors: np.ndarray, first: int) -> pa.Table:
    """Returns rows with something to show: captions, languages, classes, sizes."""
    numbers = range(first, first + len(vectors))
    return pa.table(
        {
            "id": [f"{number:032x}" for number in numbers],
            "vector": vector_column(vectors),
            "source": [f"/nowhere/{number // 10_000:05}.tar" for number in numbers],
            "row": [number % 10_000 for number in numbers],
            "caption": [f"{text_of(number)} number {number}" for number in numbers],
            "language": ["en" if number % 3 else "de" for number in numbers],
            "label": [WORDS[number % len(WORDS)] for number in numbers],
            "split": ["train"] * len(vectors),
            "width": pa.array([200 + number % 800 for number in numbers], pa.int32()),
            "height": pa.array([200] * len(vectors), pa.int32()),
        }
    )


def text_of(seed: int) -> str:
    """Returns a text of four words and a number, another one for each seed."""
    return " ".join([*(WORDS[seed // 14**place % 14] for place in range(4)), str(seed)])


def build(folder: Path, model: str, rows: int) -> None:
    """Make an index of so many rows for a model, where the folder holds none."""
    if is_index(folder):
        return
    encoder = open_encoder(model)
    dimension = encoder.encode_text(["a"]).shape[1]
    create_segment_store(folder, fingerprint=encoder.fingerprint, dimension=dimension)
    vectors = np.concatenate(list(clustered(rows, dimension, seed=0))) if rows else np.zeros((0, dimension))
    SegmentStore(folder).add(rows_of(vectors, 0))
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    Made(model, encoder.fingerprint, dimension, now).write(folder)


async def ask(host: str, port: int, texts: Iterable[str], ends: float) -> list[tuple[float, int]]:
    """Send searches over one connection until `ends`. Returns seconds and status of each."""
    reader, writer = await asyncio.open_connection(host, port)
    answers = []
    for text in texts:
        if time.monotonic() > ends:
            break
        body = json.dumps({"terms": [{"text": text}], "k": 24}).encode()
        head = f"POST /api/search HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
        start = time.perf_counter()
        writer.write(head.encode() + body)
        said = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", said)
        await reader.readexactly(int(length[1]) if length else 0)
        answers.append((time.perf_counter() - start, int(said.split()[1])))
    writer.close()
    return answers


async def clients(host: str, port: int, count: int, seconds: float, first: int) -> list[tuple[float, int]]:
    """Let so many clients ask for so many seconds."""
    ends = time.monotonic() + seconds
    texts = [(text_of(10**6 * (first + number) + place) for place in range(10**6)) for number in range(count)]
    answers = await asyncio.gather(*(ask(host, port, some, ends) for some in texts))
    return [answer for some in answers for answer in some]


def cpu_seconds(pid: int) -> float:
    """Returns the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def add_until(folder: Path, rows_a_second: int, seconds: float) -> None:
    """Add new rows to an index, a thousandth of a minute's at a time, until the time is over."""
    store, number = SegmentStore(folder), 10**9
    ends = time.monotonic() + seconds
    for vectors in clustered(10**9, store.dimension, seed=5):
        for start in range(0, len(vectors), rows_a_second):
            began = time.monotonic()
            if began > ends:
                print(f"added {number - 10**9} rows meanwhile", flush=True)
                return
            some = vectors[start : start + rows_a_second]
            store.add(rows_of(some, number))
            number += len(some)
            time.sleep(max(0.0, 1 - (time.monotonic() - began)))


def measure(folder: Path, count: int, seconds: float, adds: int) -> str:
    """Serve an index, have clients ask, and say what they saw."""
    command = [sys.executable, "-m", "tfx_pipeline.cli", "search", "--index", str(folder), "--port", "0", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout
        try:
            address = next(re.search(r"at http://(\S+):(\d+)", line) for line in server.stdout if " at http" in line)
            assert address
            host, port = address[1], int(address[2])
            load = [sys.executable, "-m", "benchmarks.search.end_to_end", "--ask", f"{host}:{port}"]
            load += ["--clients", str(count)]
            subprocess.run([*load, "--seconds", "3", "--first", "90"], cwd=ROOT, check=True, capture_output=True)
            adding = [sys.executable, "-m", "benchmarks.search.end_to_end", "--index", str(folder), "--only-add"]
            adding += ["--adds", str(adds), "--seconds", str(seconds)]
            adder = subprocess.Popen(adding, cwd=ROOT) if adds else None
            before = cpu_seconds(server.pid)
            told = subprocess.run(
                [*load, "--seconds", str(seconds)], cwd=ROOT, check=True, capture_output=True, text=True
            )
            used = cpu_seconds(server.pid) - before
            if adder is not None:
                adder.wait()
        finally:
            server.terminate()
    answers = json.loads(told.stdout)
    times = np.array([each for each, _ in answers]) * 1e3
    errors = sum(status != 200 for _, status in answers)
    p50, p99 = np.percentile(times, [50, 99])
    return (
        f"{len(times)} queries by {count} clients: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(times) / seconds:.0f} a "
        f"second, {used / len(times) * 1e3:.1f} ms of CPU time a query in the server, {errors} errors"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--model", default="output/align-demo/serving_models/align")
    parser.add_argument("--index", type=Path, help="its folder, kept; a temporary one if not given")
    parser.add_argument("--adds", type=int, default=0, help="rows a second that are added meanwhile")
    parser.add_argument("--ask", help="HOST:PORT: be the clients of that server")
    parser.add_argument("--first", type=int, default=0, help="number of the first client's texts")
    parser.add_argument("--only-add", action="store_true", help="be the process that adds")
    said = parser.parse_args(arguments)
    if said.ask:
        host, _, port = said.ask.rpartition(":")
        print(json.dumps(asyncio.run(clients(host, int(port), said.clients, said.seconds, said.first))))
        return
    if said.only_add:
        add_until(said.index, said.adds, said.seconds)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = said.index or Path(temporary) / "index"
        start = time.perf_counter()
        build(folder, said.model, said.rows)
        held = SegmentStore(folder)
        print(describe_machine())
        print(f"{held.count():,} x {held.dimension}, built in {time.perf_counter() - start:.0f} s", flush=True)
        print(measure(folder, said.clients, said.seconds, said.adds))


if __name__ == "__main__":
    main()
