"""Environments of peers under .tools/, apart from ours, made at first use and kept.

A peer's packages seldom agree with ours, or with another peer's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.shared.checkout import ROOT


def peer_python(name: str, packages: Sequence[str], *, gigabytes: float, alone: Sequence[str] = ()) -> Path:
    """Returns the interpreter of an environment that holds the packages, of our own Python's version.

    Args:
      name: of its folder under .tools/; another set of packages goes by another name.
      packages: what pip would be given.
      gigabytes: how large it is, told while it is made.
      alone: packages whose dependencies are left out.

    Raises:
      RuntimeError: where the packages cannot be had; uv has said why.
    """
    home = ROOT / ".tools" / name
    python = home / "bin" / "python"
    if python.exists():
        return python
    uv = str(ROOT / "scripts" / "uv")
    aside = home.with_name(f"{home.name}.partial-{os.getpid()}")
    into = ["--quiet", "--python", str(aside / "bin" / "python")]
    print(f"Making {home.relative_to(ROOT)} ({gigabytes:g} GB).", file=sys.stderr)
    for command in (
        [uv, "venv", "--quiet", "--no-config", "--relocatable", "--python", sys.executable, str(aside)],
        [uv, "pip", "install", *into, *packages],
        *([[uv, "pip", "install", "--no-deps", *into, *alone]] if alone else []),
    ):
        if subprocess.run(command).returncode:
            shutil.rmtree(aside, ignore_errors=True)
            raise RuntimeError(
                f"the peers' environment {name} could not be made: {' '.join(command[:3])} failed (its reason is "
                "above); mend that, then run this again"
            )
    try:
        aside.rename(home)
    except OSError:  # another process was first
        shutil.rmtree(aside)
    return python
