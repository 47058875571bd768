"""The manifest of a store in segments: the one file that says what the store holds.

    store/
      manifest.json            replaced by rename with every change; what it does not name does not count
      segment-<hex>/           a segment, never changed: vectors.f16, rows.arrow, and codes.faiss where it is large
      tombstones-<hex>.bits    which rows of one segment are deleted, never changed: a change writes another file
      writing.lock             held by who changes the manifest
      compacting.lock          held by who compacts

Files are written aside, synced and renamed before the manifest names them, so that a process killed at any point leaves
the manifest before or the one after, whole. What it leaves behind beside them, the next compaction sweeps away.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import google_crc32c

from serving.search.shards.files import sync_folder

FORMAT = 1
NAME = "manifest.json"
WRITING, COMPACTING = "writing.lock", "compacting.lock"
_BYTES_AT_ONCE = 1 << 22


class DamagedSegment(ValueError):
    """A segment whose files are not what the manifest says."""


@dataclass(frozen=True)
class FileFacts:
    """What a file of the store must be."""

    name: str  # within the store's folder
    size: int  # bytes
    crc32c: int


@dataclass(frozen=True)
class Entry:
    """One segment of the manifest.

    Attributes:
      name: its folder.
      rows: how many rows its files hold, with those deleted.
      files: its files.
      deleted: how many of its rows are deleted.
      tombstones: the file that says which, or None.
    """

    name: str
    rows: int
    files: tuple[FileFacts, ...]
    deleted: int = 0
    tombstones: FileFacts | None = None


@dataclass(frozen=True)
class Manifest:
    """What a store holds: the model that made the vectors, their dimension, and the segments."""

    fingerprint: str
    dimension: int
    segments: tuple[Entry, ...] = ()


def manifest_bytes(folder: Path) -> bytes:
    """Returns the manifest of a store as it is written, or raises FileNotFoundError where there is none."""
    try:
        return (folder / NAME).read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{folder} holds no index; build one there first") from error


def parse_manifest(folder: Path, text: bytes) -> Manifest:
    """Returns what a manifest of the store in `folder` says.

    Raises:
      ValueError: when it is none, or of another format.
    """
    try:
        said = json.loads(text)
        if said["format"] != FORMAT:
            raise ValueError(f"it has format {said['format']}, this version reads format {FORMAT}")
        return Manifest(said["fingerprint"], int(said["dimension"]), tuple(entry_of(held) for held in said["segments"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / NAME} is not the manifest of an index ({error}); build the index anew") from error


def entry_of(said: dict) -> Entry:
    """Returns the segment that a mapping of Entry's fields describes, as JSON gives it back."""
    held = said["tombstones"]
    files = tuple(FileFacts(**file) for file in said["files"])
    return Entry(said["name"], said["rows"], files, said["deleted"], FileFacts(**held) if held else None)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of a store, durably: a reader sees the one before or this one."""
    text = json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1)
    aside = folder / f".{NAME}.{uuid.uuid4().hex}"
    aside.write_text(text, encoding="utf-8")
    sync_file(aside)
    aside.replace(folder / NAME)
    sync_folder(folder)


def sync_file(path: Path) -> None:
    """Make what a file holds durable."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def facts(folder: Path, path: Path) -> FileFacts:
    """Returns what a file of the store in `folder` is, by reading all of it."""
    checksum = 0
    with open(path, "rb") as file:
        while block := file.read(_BYTES_AT_ONCE):
            checksum = google_crc32c.extend(checksum, block)
        return FileFacts(path.relative_to(folder).as_posix(), file.tell(), checksum)


@contextmanager
def locked(folder: Path, name: str, wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock of the store, among threads and processes of one machine; `wait` is called where one has to wait."""
    with open(folder / name, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it when the process dies
        except BlockingIOError:
            wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
