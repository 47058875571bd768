"""Times things in turn that live in processes of their own, so that a busy machine slows all of them alike.

A worker process hands its calls to `serve`; the benchmark starts workers and lets `time_in_turn` ask them. Needs the
standard library alone, because peers run in environments of their own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.shared.checkout import ROOT

ANSWER = "ANSWER "


class Timing(NamedTuple):
    """Medians over all rounds.

    Attributes:
      wall_s: what a clock showed.
      cpu_s: CPU time of the process, which other processes change less.
    """

    wall_s: float
    cpu_s: float


def serve(calls: dict[str, Callable[[], object]], about: dict, *, warm_ups: int = 3) -> None:
    """Answer a benchmark on standard input and output until it hangs up; each call is warmed up before.

    Args:
      calls: name -> what is timed; it must have finished its work when it returns.
      about: anything else to tell, e.g. versions; told after the warm-up, which may add to it.
      warm_ups: of each call.
    """
    for call in calls.values():
        for _ in range(warm_ups):
            call()
    _answer({"calls": list(calls), "about": about})
    for line in sys.stdin:
        call = calls[line.strip()]
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        _answer({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu})


class Worker:
    """A process that serves; a context manager that ends it.

    Attributes:
      calls, about: what `serve` was given.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self._read()
        self.calls, self.about = first["calls"], first["about"]

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()

    def time(self, call: str) -> Timing:
        """Returns the time of one call."""
        self._process.stdin.write(f"{call}\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        return Timing(**self._read())

    def _read(self) -> dict:
        for line in self._process.stdout:  # type: ignore[union-attr]
            if line.startswith(ANSWER):
                return json.loads(line.removeprefix(ANSWER))
        raise RuntimeError(f"{' '.join(self._process.args)} ended early; its reason is above")  # type: ignore[arg-type]


def time_in_turn(workers: Sequence[Worker], rounds: int) -> dict[str, Timing]:
    """Call everything of every worker once a round.

    Returns:
      Name of a call -> medians; names must differ between workers.
    """
    timings: dict[str, list[Timing]] = {call: [] for worker in workers for call in worker.calls}
    for _ in range(rounds):
        for worker in workers:
            for call in worker.calls:
                timings[call].append(worker.time(call))
    return {
        call: Timing(statistics.median(t.wall_s for t in times), statistics.median(t.cpu_s for t in times))
        for call, times in timings.items()
    }


def _answer(content: dict) -> None:
    print(ANSWER + json.dumps(content), flush=True)
