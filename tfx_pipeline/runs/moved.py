"""Tells a folder of runs that was moved or copied: ML Metadata knows its results by the paths where they were made."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from tfx_pipeline.runs.folders import ARTIFACTS, METADATA_FILE

_NEWEST = "SELECT uri FROM Artifact WHERE uri LIKE ? ORDER BY id DESC LIMIT 1"


def moved_from(root: Path) -> Path | None:
    """Returns the path of the folder in which the newest result of `root` was made where that is another, else None."""
    store = (root / METADATA_FILE).resolve()
    if not store.is_file():
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(store))}?mode=ro", uri=True)) as metadata:
            found = metadata.execute(_NEWEST, [f"%/{ARTIFACTS}/%"]).fetchone()
    except sqlite3.Error:  # which the pipeline itself will speak of
        return None
    made = found and Path(found[0].rpartition(f"/{ARTIFACTS}/")[0])
    return None if not made or made == root.resolve() else made


def root_of_results(root: Path) -> Path:
    """Returns the whole path of `root`: the one by which its results are known, where a link makes that lead there."""
    made = moved_from(root)
    return made if made is not None and _is_same(made, root) else root.resolve()


def _is_same(made: Path, root: Path) -> bool:
    return made.exists() and os.path.samefile(made, root)


def notice(root: Path) -> str:
    """Returns what to know before a run in a folder that was moved or copied, or ""."""
    made = moved_from(root)
    if made is None or _is_same(made, root):
        return ""
    known = f"{root} was made at {made}, and its results are known by that place"
    if made.exists():
        return f"{known}: those up to the model are taken from there"
    return f"{known}: they are made anew, training too; to keep them, stop here and run ln -s {root.resolve()} {made}"
