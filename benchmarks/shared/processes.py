"""Watches a process and its children: peak memory of each, CPU time of all."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL_S = 0.25
WORKER = "sdk_worker"  # what the command line of a Beam worker holds


@dataclass(frozen=True)
class Peaks:
    """What the processes of a run reached.

    Attributes:
      main_bytes: peak resident memory of the first process, which launches the job and, under Beam's DirectRunner,
        holds what is shuffled.
      worker_bytes: that of the largest of Beam's worker processes; 0 where there is none.
      cpu_s: CPU time of all processes.
    """

    main_bytes: int
    worker_bytes: int
    cpu_s: float


def watch(process: subprocess.Popen) -> Peaks:
    """Wait for a process, looking at it and its children several times a second."""
    first = psutil.Process(process.pid)
    main, worker, cpu = 0, 0, {}
    while process.poll() is None:
        for one in _tree(first):
            try:
                peak = peak_bytes(one)
                times = one.cpu_times()
                cpu[one.pid] = times.user + times.system
                if one.pid == first.pid:
                    main = max(main, peak)
                elif WORKER in " ".join(one.cmdline()):
                    worker = max(worker, peak)
            except psutil.Error:  # it ended meanwhile
                continue
        time.sleep(INTERVAL_S)
    return Peaks(main, worker, sum(cpu.values()))


def peak_bytes(process: psutil.Process) -> int:
    """Returns the most resident memory that a process has had: Linux remembers it, elsewhere it is what it has now."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return process.memory_info().rss
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return process.memory_info().rss


def _tree(first: psutil.Process) -> list[psutil.Process]:
    try:
        return [first, *first.children(recursive=True)]
    except psutil.Error:
        return []
