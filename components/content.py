"""What a file or folder that a config names holds, as one word: caches know it by its path alone."""

from __future__ import annotations

import hashlib
from pathlib import Path


def content_hash(path: str) -> str:
    """Returns the SHA-256 of a local file's bytes, or of a local folder's file names and bytes.

    It is "" for an address, such as gs://bucket/schema.pbtxt, and for what only a cluster's machines have: give changed
    content a new name there.
    """
    root = Path(path)
    if "://" in path or not root.exists():
        return ""
    total = hashlib.sha256()
    for file in [root] if root.is_file() else sorted(of for of in root.rglob("*") if of.is_file()):
        with file.open("rb") as content:
            total.update(f"{file.relative_to(root)}\0{file.stat().st_size}\0".encode())
            while part := content.read(1 << 20):
                total.update(part)
    return total.hexdigest()
