"""Measures what the server does while versions change, for long, and when too much is asked of it.

Usage: .venv/bin/python -m benchmarks.serving.endurance swap|memory|soak|overload [--of text] [--models FOLDER]

swap      16 clients for 60 s with 10 version changes: errors, answers of another version's weights, p99 in and between
memory    50 version changes: the server's resident memory after each
soak      100,000 requests: its resident memory in the second and the last tenth
overload  5 times as many requests a second as it answers: how many it answers, how fast it refuses the rest

The load generator and the server live in processes of their own. Two models of the same shape and other weights take
turns as versions, so that an answer tells whose weights it came from.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import grpc
import numpy as np
import psutil
from tensorflow_serving.apis import predict_pb2

from benchmarks.serving.load_generator import PREDICT, Answer, percentiles_ms, run_load, start_load
from benchmarks.serving.small_model import exported, items, request
from benchmarks.shared.machine import describe_machine
from serving import signatures
from serving.server.process import ServerProcess

OF = {"image": signatures.ENCODE_IMAGE, "text": signatures.ENCODE_TEXT}
CLIENTS, AT_ONCE = 16, 64
ITEMS = 32  # different inputs
SETTLES_S = 2.0  # after a version's first answer its predecessor is drained and unloaded
CLOSE = 1e-3  # of a vector's component, by which batches of other sizes may differ


class Versions:
    """A folder of versions, of two models in turn, and a server of it."""

    def __init__(self, base: Path, models: Sequence[Path], server: ServerProcess) -> None:
        self._base, self._models, self._server = base, models, server
        self.address = server.address
        self.newest = 1

    def push(self) -> float:
        """Let the next version appear as the Pusher does; returns when."""
        self.newest += 1
        aside = self._base.parent / "aside"
        shutil.copytree(self._models[self.newest % 2], aside)
        aside.rename(self._base / str(self.newest))
        return time.perf_counter()

    def forget(self) -> None:
        """Delete all versions but the newest."""
        for path in self._base.iterdir():
            if path.name != str(self.newest):
                shutil.rmtree(path)

    def ask(self, message: bytes) -> predict_pb2.PredictResponse:
        """Returns the answer to one request."""
        with grpc.insecure_channel(self.address, options=(("grpc.enable_http_proxy", 0),)) as channel:
            return predict_pb2.PredictResponse.FromString(channel.unary_unary(PREDICT)(message, timeout=60))

    def await_newest(self, message: bytes) -> None:
        """Return when the newest version answers and its predecessor is gone."""
        while self.ask(message).model_spec.version.value != self.newest:
            time.sleep(0.05)
        time.sleep(SETTLES_S)

    def memory_mb(self) -> float:
        """Returns the server's resident memory."""
        return psutil.Process(self._server.pid).memory_info().rss / 2**20


@contextmanager
def serving(kept: Path | None) -> Iterator[Versions]:
    """Serve version 1 from a new folder; the two models are kept in a folder where one is given."""
    with tempfile.TemporaryDirectory() as folder:
        models = [exported(kept or Path(folder, "models"), version=seed, seed=seed) for seed in (2, 1)]
        base = Path(folder, "pushed")
        shutil.copytree(models[1], base / "1")
        with ServerProcess(base) as server:
            server.wait_until_ready(timeout_s=120)
            yield Versions(base, models, server)


def vector(response: predict_pb2.PredictResponse) -> np.ndarray:
    """Returns the embedding of a request of one item."""
    return np.array(response.outputs[signatures.EMBEDDING].float_val, np.float32)


def swap(requests: Sequence[bytes], kept: Path | None, seconds: float = 60.0, changes: int = 10) -> None:
    """Change versions under load."""
    with serving(kept) as versions:
        expected = {1: [vector(versions.ask(one)) for one in requests]}
        versions.push()
        versions.await_newest(requests[0])
        expected[0] = [vector(versions.ask(one)) for one in requests]
        address, pushed = versions.address, {}
        with start_load(address, requests, concurrency=CLIENTS, seconds=seconds, keep=True) as load:
            for _ in range(changes):
                time.sleep(seconds / (changes + 1))
                at = versions.push()
                pushed[versions.newest] = at
            answers = load.answers()
        _print_swap(answers, pushed, expected)


def _print_swap(answers: list[Answer], pushed: dict[int, float], expected: dict[int, list[np.ndarray]]) -> None:
    first: dict[int, float] = {}
    mixed = 0
    for answer in answers:
        if answer.code == "OK":
            response = predict_pb2.PredictResponse.FromString(answer.response)
            version, found = response.model_spec.version.value, vector(response)
            first.setdefault(version, answer.sent_s + answer.seconds)
            mixed += not any(np.abs(found - known).max() < CLOSE for known in expected[version % 2])
    windows = [(at, first[version] + SETTLES_S) for version, at in pushed.items() if version in first]
    parts: dict[bool, list[Answer]] = {True: [], False: []}
    for answer in answers:
        ended = answer.sent_s + answer.seconds
        parts[any(begin <= ended and answer.sent_s <= end for begin, end in windows)].append(answer)
    during, between = parts[True], parts[False]
    print(f"{len(answers)} requests of {CLIENTS} clients, {len(windows)} version changes of {len(pushed)} answered")
    print(f"codes {dict(Counter(answer.code for answer in answers))}, {mixed} answers of another version's weights")
    print(f"a version answers {statistics.median(end - at for at, end in windows) - SETTLES_S:.1f} s after its push")
    for name, some in (("between changes", between), ("during changes", during)):
        p50, p99 = percentiles_ms(some)
        print(f"{name:16} {len(some):7} requests, p50 {p50:7.1f} ms, p99 {p99:7.1f} ms")
    print(f"p99 during / between {percentiles_ms(during)[1] / percentiles_ms(between)[1]:.1f} (asked: at most 3)")


def memory(requests: Sequence[bytes], kept: Path | None, changes: int = 50) -> None:
    """Change versions without load but for a few requests to each."""
    with serving(kept) as versions:
        found = []
        for _ in range(changes):
            versions.push()
            versions.await_newest(requests[0])
            for one in requests:
                versions.ask(one)
            versions.forget()
            found.append(versions.memory_mb())
            print(f"{len(found)}:{found[-1]:.0f}", end=" ", flush=True)
        settled = found[5:] or found  # the first changes grow what is kept of later ones
        early, late = statistics.median(settled[:5]), statistics.median(found[-5:])
        print(f"\nresident memory, MB: {early:.0f} after 6 to 10 changes, {late:.0f} after the last five", end="")
        print(f", {100 * (late / early - 1):+.1f} % (asked: within 5 %)")


def soak(requests: Sequence[bytes], kept: Path | None, count: int = 100_000) -> None:
    """Ask for long."""
    with serving(kept) as versions, start_load(versions.address, requests, concurrency=AT_ONCE, count=count) as load:
        found: list[float] = []
        while load.goes_on:
            time.sleep(0.5)
            found.append(versions.memory_mb())
        tenth = max(len(found) // 10, 1)
        early, late = statistics.median(found[tenth : 2 * tenth]), statistics.median(found[-tenth:])
        codes = dict(Counter(answer.code for answer in load.answers()))
        print(
            f"{count} requests: {codes}; resident memory, MB: {early:.0f} in the second tenth, {late:.0f} in the",
            end="",
        )
        print(f" last, {100 * (late / early - 1):+.1f} % (asked: within 5 %)")


def overload(requests: Sequence[bytes], kept: Path | None, seconds: float = 10.0, times: float = 5.0) -> None:
    """Ask too much."""
    with serving(kept) as versions:
        address = versions.address
        run_load(address, requests, concurrency=AT_ONCE, seconds=3)
        capacity = _rate(run_load(address, requests, concurrency=AT_ONCE, seconds=seconds))
        answers = run_load(address, requests, per_second=times * capacity, seconds=seconds, timeout_s=5)
        good = [answer for answer in answers if answer.code == "OK"]
        refused = [answer.seconds for answer in answers if answer.code == "RESOURCE_EXHAUSTED"]
        offered = len(answers) / (answers[-1].sent_s - answers[0].sent_s)
        print(f"capacity {capacity:.0f}/s by {AT_ONCE} at once; offered {offered:.0f}/s")
        print(f"answered {_rate(good):.0f}/s, {_rate(good) / capacity:.2f} of capacity (asked: .80)", end="; ")
        print(f"answered in p50 {percentiles_ms(good)[0]:.0f} ms; {dict(Counter(answer.code for answer in answers))}")
        if refused:
            p50, p99 = 1000 * np.percentile(refused, [50, 99])
            print(f"refused in p50 {p50:.1f} ms, p99 {p99:.1f} ms (asked: 50 ms)")


def _rate(answers: Sequence[Answer]) -> float:
    return len(answers) / (max(answer.sent_s + answer.seconds for answer in answers) - answers[0].sent_s)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    whats = {"swap": swap, "memory": memory, "soak": soak, "overload": overload}
    parser.add_argument("what", choices=whats)
    parser.add_argument("--of", choices=OF, default="image")
    parser.add_argument("--models", type=Path, help="folder that keeps the two models for the next run")
    parser.add_argument("--seconds", type=float, help="of swap and overload")
    parser.add_argument("--changes", type=int, help="of swap and memory")
    parser.add_argument("--count", type=int, help="of soak")
    arguments = parser.parse_args()
    print(describe_machine())
    signature = OF[arguments.of]
    given = {name: value for name in ("seconds", "changes", "count") if (value := getattr(arguments, name)) is not None}
    whats[arguments.what]([request(signature, [item]) for item in items(signature, ITEMS)], arguments.models, **given)


if __name__ == "__main__":
    main()
