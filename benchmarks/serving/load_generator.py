"""Sends requests to a server from a process of its own, and tells when each was sent, how long it took and what came.

Needs grpc alone: the messages come from a file, as they go over the wire, so that it takes little of the machine.

Started by its own `start_load`, with the load as JSON.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np

from benchmarks.shared.checkout import ROOT

PREDICT = "/tensorflow.serving.PredictionService/Predict"
_OPTIONS = (("grpc.enable_http_proxy", 0),)


class Answer(NamedTuple):
    """What became of one request.

    Attributes:
      sent_s: when, by time.perf_counter(), which is the same in all processes of a machine that runs Linux.
      seconds: until the answer.
      code: gRPC's, by name.
      response: its bytes, b"" unless they were asked for.
    """

    sent_s: float
    seconds: float
    code: str
    response: bytes


def run_load(address: str, requests: Sequence[bytes], **job: Any) -> list[Answer]:
    """Send requests from a process of its own; see `_send` for what a job says."""
    with start_load(address, requests, **job) as load:
        return load.answers()


class start_load:
    """A load that goes on while the block runs."""

    def __init__(self, address: str, requests: Sequence[bytes], **job: Any) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._told_in = Path(self._folder.name, "told")
        Path(self._folder.name, "requests").write_bytes(pickle.dumps(list(requests)))
        told = {"address": address, "folder": self._folder.name, **job}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serving.load_generator", json.dumps(told)], cwd=ROOT
        )

    def __enter__(self) -> start_load:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.wait()
        self._folder.cleanup()

    @property
    def goes_on(self) -> bool:
        """Whether requests are still sent."""
        return self._process.poll() is None

    def answers(self) -> list[Answer]:
        """Wait for its end; returns what came, in order of sending."""
        return sorted(Answer(*fields) for fields in self._told()["answers"])

    def cpu_s(self) -> float:
        """Wait for its end; returns the CPU time that sending and taking in took it, without its start."""
        return self._told()["cpu_s"]

    def _told(self) -> dict[str, Any]:
        if self._process.wait():
            raise RuntimeError("the load generator failed; its reason is above")
        return pickle.loads(self._told_in.read_bytes())


def percentiles_ms(answers: Sequence[Answer]) -> tuple[float, float]:
    """Returns p50 and p99 of the latencies of answers that are OK, in milliseconds."""
    seconds = [answer.seconds for answer in answers if answer.code == "OK"]
    return tuple(1000 * np.percentile(seconds, [50, 99])) if seconds else (float("nan"), float("nan"))


async def _send(job: dict[str, Any], requests: Sequence[bytes]) -> list[tuple]:
    """Send by what the job says.

    "concurrency": so many at once, each the next when one was answered; or "per_second": so many, however slow the
    server is. "seconds" or "count": how long, or how many. "timeout_s": deadline of each. "keep": whether to keep what
    came.
    """
    answers, started = [], time.perf_counter()
    left = iter(range(job.get("count") or 2**62))
    end_s = job.get("seconds", float("inf"))

    async with grpc.aio.insecure_channel(job["address"], options=_OPTIONS) as channel:
        call = channel.unary_unary(PREDICT)

        async def ask(number: int) -> None:
            sent, code, response = time.perf_counter(), "OK", b""
            try:
                response = await call(requests[number % len(requests)], timeout=job.get("timeout_s", 60))
            except grpc.aio.AioRpcError as error:
                code = error.code().name
            kept = response if job.get("keep") else b""
            answers.append((sent, time.perf_counter() - sent, code, kept))

        async def ask_on() -> None:
            for number in left:
                if time.perf_counter() - started >= end_s:
                    return
                await ask(number)

        if "per_second" not in job:
            await asyncio.gather(*(ask_on() for _ in range(job["concurrency"])))
            return answers
        asked = set()
        for number in left:
            pause_s = number / job["per_second"] - (time.perf_counter() - started)
            if time.perf_counter() - started >= end_s:
                break
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            task = asyncio.create_task(ask(number))
            asked.add(task)
            task.add_done_callback(asked.discard)
        await asyncio.gather(*asked)
    return answers


def main() -> None:
    job = json.loads(sys.argv[1])
    folder = Path(job["folder"])
    requests = pickle.loads((folder / "requests").read_bytes())
    before_s = time.process_time()
    answers = asyncio.run(_send(job, requests))
    told = {"answers": answers, "cpu_s": time.process_time() - before_s}
    (folder / "told").write_bytes(pickle.dumps(told))


if __name__ == "__main__":
    main()
