"""The peers' environment: PyTorch and Transformers under .tools/, apart from ours, made at first use.

Usage: .venv/bin/python -m benchmarks.shared.torch_environment

Makes it and prints its interpreter.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.shared.checkout import ROOT

PACKAGES = ("torch==2.13.0", "transformers==5.20.2", "numpy>=1.26,<3", "setuptools")  # torch.compile asks for the last


def torch_python() -> Path:
    """Returns the interpreter that imports torch and transformers, for CPUs and GPUs alike.

    Raises:
      RuntimeError: where the packages cannot be had; uv has said why.
    """
    home = ROOT / ".tools" / "-".join(package.replace("==", "-") for package in PACKAGES[:2])
    python = home / "bin" / "python"
    if python.exists():
        return python
    uv = str(ROOT / "scripts" / "uv")
    aside = home.with_name(f"{home.name}.partial-{os.getpid()}")
    print(f"Making {home.relative_to(ROOT)} with {' and '.join(PACKAGES[:2])} (5 GB).", file=sys.stderr)
    for command in (
        [uv, "venv", "--quiet", "--no-config", "--relocatable", "--python", sys.executable, str(aside)],
        [uv, "pip", "install", "--quiet", "--python", str(aside / "bin" / "python"), *PACKAGES],
    ):
        if subprocess.run(command).returncode:
            shutil.rmtree(aside, ignore_errors=True)
            raise RuntimeError(
                f"the peers' environment could not be made: {' '.join(command[:3])} failed (its reason is above); mend "
                "that, then run this again"
            )
    try:
        aside.rename(home)
    except OSError:  # another process was first
        shutil.rmtree(aside)
    return python


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(torch_python())
