"""In which precision a served model computes images, and whether a CPU multiplies such numbers by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

Precision = Literal["float32", "bfloat16"]

CPU_INFO = Path("/proc/cpuinfo")
UNITS = ("amx_bf16", "avx512_bf16")  # Linux' names; others widen each number to float32 first, in software
SLOWER_HERE = (
    f"it computes images in bfloat16, for which this CPU has no units ({' or '.join(UNITS)} in {CPU_INFO}): they take "
    "about twice as long as in float32; serve it on a CPU that has them, or set export.precision to float32"
)
_MULTIPLYING = frozenset({"Conv2D", "MatMul"})
_BFLOAT16 = 14  # tensorflow.DataType.DT_BFLOAT16


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


def precision_of(graph_def: Any) -> Precision:
    """Returns the least precise in which a saved model multiplies matrices or convolves.

    Args:
      graph_def: a GraphDef message, whose functions are looked into.
    """
    nodes = [graph_def.node, *(function.node_def for function in graph_def.library.function)]
    halved = (node.op in _MULTIPLYING and node.attr["T"].type == _BFLOAT16 for part in nodes for node in part)
    return "bfloat16" if any(halved) else "float32"


def is_slower_here(precision: Precision) -> bool:
    """Says whether this CPU is slower in a precision than in float32."""
    return precision == "bfloat16" and precision_here() == "float32"
