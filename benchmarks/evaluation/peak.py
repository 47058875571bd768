"""The peak memory of this process, by the standard library alone, because peers run in environments of their own."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def own_peak_bytes() -> int:
    """Returns the most resident memory that this process has had.

    Linux's getrusage also counts what the process was before exec, which is its parent's memory.
    """
    if STATUS.exists():
        line = next(line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
