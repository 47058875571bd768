"""Whether a CPU multiplies bfloat16 by itself, by what Linux says of it."""

from __future__ import annotations

from pathlib import Path

from models.saving.folding import Precision

CPU_INFO = Path("/proc/cpuinfo")
UNITS = ("amx_bf16", "avx512_bf16")  # Linux' names; others widen each number to float32 first, in software


def precision_for(cpu_info: str) -> Precision:
    """Returns the precision that a CPU is fast in; float32 where nothing is known of it.

    Args:
      cpu_info: what CPU_INFO holds.
    """
    flags = next((line for line in cpu_info.splitlines() if line.startswith("flags")), "").split()
    return "bfloat16" if any(unit in flags for unit in UNITS) else "float32"


def precision_here() -> Precision:
    """Returns that of this machine."""
    return precision_for(CPU_INFO.read_text(encoding="utf-8")) if CPU_INFO.exists() else "float32"
