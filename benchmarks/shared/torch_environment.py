"""The peers' environment: PyTorch and Transformers under .tools/, apart from ours, made at first use.

Usage: .venv/bin/python -m benchmarks.shared.torch_environment

Makes it and prints its interpreter.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.shared.peer_environment import peer_python

PACKAGES = ("torch==2.13.0", "transformers==5.20.2", "numpy>=1.26,<3", "setuptools")  # torch.compile asks for the last


def torch_python() -> Path:
    """Returns the interpreter that imports torch and transformers, for CPUs and GPUs alike.

    Raises:
      RuntimeError: where the packages cannot be had; uv has said why.
    """
    name = "-".join(package.replace("==", "-") for package in PACKAGES[:2])
    return peer_python(name, PACKAGES, gigabytes=5)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(torch_python())
