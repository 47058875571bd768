"""Measures how many single images and texts a second the server answers, beside the model called directly.

Usage: .venv/bin/python -m benchmarks.serving.throughput [--model BASE] [--rounds 5] [--seconds 5]

The load generator, the server and the direct call live in processes of their own and are measured in turn, so that a
busy machine slows all alike. Every request has one input. The direct call has 64 at once, and one for its latency.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import psutil

from benchmarks.serving.direct import CALLS_OF_ONE
from benchmarks.serving.load_generator import percentiles_ms, run_load, start_load
from benchmarks.serving.small_model import INPUTS, exported, items, request
from benchmarks.shared.in_turn import Worker
from benchmarks.shared.machine import describe_machine
from serving.server.process import ServerProcess

BATCH = 64
CONCURRENCIES = (1, 8, 64)
SHARE, EXTRA_MS, SPREAD = 0.80, 1.5, 3.0  # what is asked: of the direct call, above it, p99 / p50 at concurrency 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="folder of versions to serve; a B0 + mini of random weights else")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of load at each concurrency of each round")
    arguments = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments.model or exported(Path(folder), 1, seed=1).parent, arguments)


def measure(base: Path, arguments: argparse.Namespace) -> None:
    """Print a table."""
    newest = max((path for path in base.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    requests = {signature: [request(signature, [item]) for item in items(signature, BATCH)] for signature in INPUTS}
    found = defaultdict(list)
    command = [sys.executable, "-m", "benchmarks.serving.direct", str(newest), str(BATCH)]
    with Worker(command) as direct, ServerProcess(base) as server:
        server.wait_until_ready(timeout_s=120)
        for signature in INPUTS:
            run_load(server.address, requests[signature], concurrency=BATCH, count=4 * BATCH)
        for _ in range(arguments.rounds):
            for signature in INPUTS:
                together = direct.time(f"{signature} {BATCH}")
                found[signature, "direct"].append(2 * BATCH / together.wall_s)
                found[signature, "direct CPU ms"].append(1000 * together.cpu_s / (2 * BATCH))
                found[signature, "direct ms"].append(1000 * direct.time(f"{signature} 1").wall_s / CALLS_OF_ONE)
                for concurrency in CONCURRENCIES:
                    busy = psutil.Process(server.pid).cpu_times()
                    load = {"concurrency": concurrency, "seconds": arguments.seconds}
                    with start_load(server.address, requests[signature], **load) as generator:
                        answers, generator_s = generator.answers(), generator.cpu_s()
                    cpu = psutil.Process(server.pid).cpu_times()
                    failed = {answer.code for answer in answers} - {"OK"}
                    if failed:
                        raise RuntimeError(f"{signature} at concurrency {concurrency} was refused: {failed}")
                    length = max(answer.sent_s + answer.seconds for answer in answers) - answers[0].sent_s
                    p50, p99 = percentiles_ms(answers)
                    server_s = cpu.user + cpu.system - busy.user - busy.system
                    cpu_ms = [1000 * seconds / len(answers) for seconds in (server_s, generator_s)]
                    found[signature, concurrency].append((len(answers) / length, p50, p99, *cpu_ms))
    for signature in INPUTS:
        _print(signature, found)


def _print(signature: str, found: dict) -> None:
    of_direct = ("direct", "direct CPU ms", "direct ms")
    direct, cpu_ms, alone_ms = (statistics.median(found[signature, name]) for name in of_direct)
    print(
        f"\n{signature}: directly {direct:.0f}/s, {cpu_ms:.2f} CPU ms, by {BATCH} at once; one alone {alone_ms:.1f} ms"
    )
    print(f"{'':54}CPU ms a request of")
    print(
        f"{'at once':>8} {'/s':>7} {'of direct':>10} {'p50 ms':>8} {'p99 ms':>8} {'p99/p50':>8}  server  load generator"
    )
    for concurrency in CONCURRENCIES:
        rounds = found[signature, concurrency]
        medians = (statistics.median(values) for values in zip(*rounds, strict=True))
        rate, p50, p99, server, generator = medians
        share = statistics.median(
            one[0] / beside for one, beside in zip(rounds, found[signature, "direct"], strict=True)
        )
        latencies = f"{p50:8.1f} {p99:8.1f} {p99 / p50:8.1f}"
        print(f"{concurrency:8} {rate:7.0f} {share:10.2f} {latencies} {server:7.2f} {generator:15.2f}")
    print(f"asked: at 64 {SHARE:.2f} of direct; at 1 p50 {alone_ms + EXTRA_MS:.1f} ms; at 8 p99/p50 {SPREAD:.0f}")


if __name__ == "__main__":
    main()
