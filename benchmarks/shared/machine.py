"""Says what a figure was measured on, and keeps the terminal to figures."""

from __future__ import annotations

import os
import platform
from importlib import import_module
from importlib.metadata import version

from tfx_pipeline.quiet import quiet_imports

VERSIONS = ("tfx", "apache-beam", "tensorflow", "pyarrow", "pillow", "numpy")


def describe_machine() -> str:
    """Returns cores, load and versions in one line."""
    libraries = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    load = f"load {os.getloadavg()[0]:.1f} when started"
    return f"{os.cpu_count()} cores, {platform.machine()}, {load}; Python {platform.python_version()}, {libraries}"


def load_quietly() -> None:
    """Load TensorFlow and keep its words off the terminal, which shows figures."""
    with quiet_imports():
        import_module("tensorflow")
