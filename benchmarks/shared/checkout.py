"""Where the checkout lies: benchmarks are started in it, and start one another there."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "benchmarks"  # its folders output* are left out of git
