"""Reads amounts of processors and memory as Kubernetes writes them: "500m" of a core, "8Gi" of bytes."""

from __future__ import annotations

import re
from decimal import Decimal

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_CORES = re.compile(r"(\d+(?:\.\d{1,3})?|\d+m)")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)([kMGTPE]|[KMGTPE]i)")
_SMALLEST_MEMORY = 4 * 2**20  # bytes; the container runtime starts nothing in less
BYTES_PER_GB = 10**9


def as_text(quantity: float | str) -> str:
    """Returns an amount as Kubernetes reads it."""
    return quantity if isinstance(quantity, str) else f"{quantity:g}"


def cores(name: str, quantity: float | str) -> float:
    """Returns a number of cores; raises ValueError, naming the field, for what is no amount of them."""
    quantity = as_text(quantity)
    found = _CORES.fullmatch(quantity)
    number = Decimal(quantity.rstrip("m")) / (1000 if quantity.endswith("m") else 1) if found else Decimal(0)
    if number <= 0:
        raise ValueError(f"{name} is {quantity!r}; give a number of cores, such as 4 or 500m")
    return float(number)


def memory_bytes(name: str, quantity: float | str) -> int:
    """Returns bytes; raises ValueError, naming the field, for what is no amount of memory or needs a unit."""
    quantity = as_text(quantity)
    found = _MEMORY.fullmatch(quantity)
    if not found:
        hint = f"{quantity}Gi" if re.fullmatch(r"\d+", quantity) else "8Gi"
        raise ValueError(f"{name} is {quantity!r}; give an amount with its unit (k, M, G, Ki, Mi, Gi), such as {hint}")
    power = "kMGTPE".index(found[2][0].replace("K", "k")) + 1
    number = int(Decimal(found[1]) * (1024 if found[2].endswith("i") else 1000) ** power)
    if number < _SMALLEST_MEMORY:
        raise ValueError(f"{name} is {quantity!r}, in which no container starts; give 4Mi or more, such as 8Gi")
    return number
