"""What a file or folder that a config names holds, as one word: caches know it by its path alone."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from components.files.local_files import files_below


def content_hash(path: str) -> str:
    """Returns the SHA-256 of a local file's bytes, or of a local folder's file names and bytes; links are followed.

    It is "" for an address, such as gs://bucket/schema.pbtxt, and for what only a cluster's machines have: give changed
    content a new name there.
    """
    root = Path(path)
    if "://" in path or not root.exists():
        return ""
    total = hashlib.sha256()
    for name in [""] if root.is_file() else files_below(path):
        file = root / name
        if not file.is_file():  # a link to nowhere
            continue
        with file.open("rb") as content:
            total.update(os.fsencode(f"{name or '.'}\0{file.stat().st_size}\0"))
            while part := content.read(1 << 20):
                total.update(part)
    return total.hexdigest()
