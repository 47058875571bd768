"""Tells a folder of runs that was moved or copied: ML Metadata knows its results by the paths where they were made."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

from tfx_pipeline.runs.folders import ARTIFACTS, METADATA_FILE

_NEWEST = "SELECT uri FROM Artifact WHERE uri LIKE ? ORDER BY id DESC LIMIT 1"


def moved_from(root: Path) -> Path | None:
    """Returns the folder in which the newest result of `root` was made where that is another one, else None."""
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


def notice(root: Path) -> str:
    """Returns what to know before a run in a folder that was moved or copied, or ""."""
    made = moved_from(root)
    if made is None:
        return ""
    known = f"{root} was made at {made}, and its results are known by that place"
    if made.exists():  # the Trainer has the folder of its checkpoints in its key, the others have no path of ours
        return f"{known}: the model is trained anew, and what comes before it is taken from there"
    return f"{known}: they are made anew, training too; to keep them, stop here and move it back"
