"""Says what a figure was measured on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

VERSIONS = ("tfx", "apache-beam", "tensorflow", "pyarrow", "pillow", "numpy")


def describe_machine() -> str:
    """Returns cores, load and versions in one line."""
    libraries = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    load = f"load {os.getloadavg()[0]:.1f} when started"
    return f"{os.cpu_count()} cores, {platform.machine()}, {load}; Python {platform.python_version()}, {libraries}"
