"""Send malformed requests to a server while another client goes on asking, and say what came of it.

Usage: .venv/bin/python -m benchmarks.serving.attack [--model-dir FOLDER] [--requests 10000] [--seed 0]

Sends so many over gRPC, and as many over HTTP. Exits 1 where a request got a code that is not TensorFlow Serving's, the
other client got another answer than before, or the server's memory grew by more than a twentieth from the second tenth
of the requests to the last one.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
from tensorflow_serving.apis import prediction_service_pb2_grpc

from benchmarks.serving.malformed import Malformed, malformed, text
from benchmarks.serving.malformed_http import malformed_http, status_of
from benchmarks.serving.small_model import exported
from serving.server.process import ServerProcess
from serving.tensors import from_proto

LOAD_S = 300.0
MAX_GROWTH = 0.05
SAME = 1e-5  # of unit vectors: rows that share a batch with others differ in their last bits


class Bystander(threading.Thread):
    """A client that sends the same good request again and again, and counts answers that differ from the first."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self._over = threading.Event()
        self.answers = 0
        self.differing: list[str] = []

    def run(self) -> None:
        with grpc.insecure_channel(self._address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            first = vectors(stub.Predict(text(), timeout=60))
            while not self._over.wait(0.01):
                try:
                    found = vectors(stub.Predict(text(), timeout=60))
                except grpc.RpcError as error:
                    self.differing.append(f"{error.code().name}: {error.details()}")
                else:
                    self.answers += 1
                    if not np.allclose(found, first, atol=SAME):
                        self.differing.append(f"{np.abs(found - first).max():.1e} off")

    def stop(self) -> None:
        self._over.set()
        self.join()


def vectors(response: Any) -> np.ndarray:
    """Returns the embeddings [N, D] of a PredictResponse."""
    return from_proto(response.outputs["embedding"])


def send(channel: grpc.Channel, request: Malformed) -> tuple[str, str]:
    """Returns code and message of the answer."""
    try:
        channel.unary_unary(request.method)(request.message, timeout=60)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--model-dir", type=Path, help="folder of numbered versions; a B0 + mini of random weights else"
    )
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        attack(options.model_dir or exported(Path(folder), 1, seed=1).parent, options.requests, options.seed)


def attack(base: Path, requests: int, seed: int) -> None:
    """Send the requests, print what came, and raise SystemExit where that is not as it should be."""
    counts: Counter[tuple[str, str]] = Counter()
    wrong, memory = [], []
    with ServerProcess(base) as server:
        server.wait_until_ready(LOAD_S)
        process = psutil.Process(server.pid)
        bystander = Bystander(server.address)
        bystander.start()
        pairs = zip(malformed(seed, requests), malformed_http(seed, requests), strict=True)
        with grpc.insecure_channel(server.address) as channel:
            for position, (request, over_http) in enumerate(pairs):
                code, said = send(channel, request)
                counts[request.kind, code] += 1
                if code not in request.codes:
                    wrong.append(f"{request.kind}: {code} {said[:200]!r} for {request.message[:80]!r}")
                status = status_of(server.rest_address, over_http)
                counts[over_http.kind, str(status)] += 1
                if status not in over_http.statuses:
                    wrong.append(f"{over_http.kind}: {status} for {over_http.sent[:300]!r}")
                if position % max(1, requests // 1000) == 0:
                    memory.append(process.memory_info().rss)
        bystander.stop()
    for (kind, code), count in sorted(counts.items()):
        print(f"{kind:26} {code:20} {count:6}")
    for line in wrong[:20]:
        print("WRONG", line)
    tenth = max(1, len(memory) // 10)
    second, last = (max(part) for part in (memory[tenth : 2 * tenth] or memory, memory[-tenth:]))
    print(f"{requests} requests over gRPC and {requests} over HTTP, {len(wrong)} with a wrong code")
    print(f"the other client got {bystander.answers} answers; not as before: {bystander.differing[:3] or 'none'}")
    print(f"memory: {second / 2**20:.0f} MiB in the second tenth, {last / 2**20:.0f} MiB in the last")
    if wrong or bystander.differing or last > second * (1 + MAX_GROWTH):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
