"""Which source this is: a pipeline is run by an image that holds what compiled it, or it is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]  # a checkout, or the site-packages of an image
PACKAGES = ("components", "models", "serving", "tfx_pipeline")
SUFFIXES = frozenset({".py", ".yaml", ".j2", ".css"})  # what pyproject.toml packs


def source_fingerprint(root: Path = ROOT) -> str:
    """Returns the SHA-256 of the names and contents of the project's own files below `root`, in hexadecimal.

    A checkout and what is installed from it have the same.
    """
    total = hashlib.sha256()
    for name in sorted(_source_files(root)):
        content = (root / name).read_bytes()
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def _source_files(root: Path) -> Iterator[str]:
    """Yield the paths of what is packed, relative to `root`, with slashes; what editors leave hidden is left out."""
    for package in PACKAGES:
        for path in (root / package).rglob("*"):
            if path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file():
                yield path.relative_to(root).as_posix()
