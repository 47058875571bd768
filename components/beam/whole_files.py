"""Whole files on any file system that Beam reads: listed, read, and written aside before they get their name.

A worker that dies half-way leaves nothing where a reader looks, and a second attempt writes the same file again.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import posixpath
import shutil
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

_AS_STORED = "uncompressed"  # Beam's CompressionTypes.UNCOMPRESSED


def files_below(folder: str) -> list[str]:
    """Returns the paths of all files in a folder and its folders, relative to it and sorted; none where it is not."""
    if _is_local(folder):
        found = [os.path.join(above, name) for above, _, names in os.walk(folder) for name in names]
    else:
        found = [file.path for file in _listed(folder)]
    return sorted(posixpath.relpath(path, folder) for path in found)


def files_without_a_byte(folder: str) -> list[str]:
    """Returns the paths of the empty files among `files_below`."""
    if _is_local(folder):
        return [name for name in files_below(folder) if os.path.getsize(os.path.join(folder, name)) == 0]
    return sorted(posixpath.relpath(file.path, folder) for file in _listed(folder) if file.size_in_bytes == 0)


def list_folder(folder: str) -> list[str]:
    """Returns the files of a folder, sorted by name; none where it does not exist."""
    return [posixpath.join(folder, name) for name in files_below(folder) if not name.startswith(".")]


def open_file(path: str) -> BinaryIO:
    """Open a file to be read as it is stored."""
    return open(path, "rb") if _is_local(path) else _file_systems().open(path, compression_type=_AS_STORED)


@contextlib.contextmanager
def created(path: str, aside: str | None = None) -> Iterator[BinaryIO]:
    """Open a file to be written that appears under `path` whole, when the block ends well, or not at all.

    Args:
      path: where the finished file goes.
      aside: folder on the same file system for the unfinished one; None for its own folder.
    """
    with _renamed(path, aside) as unfinished, _create(unfinished) as file:
        yield file


def copy(source: str, target: str, aside: str) -> None:
    """Copy a file to `aside`, a folder on the same file system, then rename it."""
    with _renamed(target, aside) as unfinished:
        if _is_local(source):
            shutil.copyfile(source, unfinished)
        else:
            _file_systems().copy([source], [unfinished])


@contextlib.contextmanager
def _renamed(path: str, aside: str | None) -> Iterator[str]:
    """Yields the path of an unfinished file, which becomes `path` when the block ends well."""
    unfinished = posixpath.join(aside, uuid.uuid4().hex) if aside else f"{path}.{uuid.uuid4().hex}"
    make_folder(posixpath.dirname(unfinished))
    yield unfinished
    make_folder(posixpath.dirname(path))
    rename([unfinished], [path])


def rename(sources: Sequence[str], targets: Sequence[str]) -> None:
    """Give each file its new name, in the place of what had it."""
    if sources and not _is_local(sources[0]):
        _file_systems().rename(list(sources), list(targets))
        return
    for source, target in zip(sources, targets, strict=True):
        os.replace(source, target)


def make_folder(folder: str) -> None:
    """Make a folder and those above it, where they are not there; a bucket has none."""
    if _is_local(folder):
        os.makedirs(folder, exist_ok=True)
        return
    try:
        _file_systems().mkdirs(folder)
    except OSError:
        if not _file_systems().exists(folder):
            raise


def remove_folder(folder: str) -> None:
    """Delete a folder with all that is in it, where it is there."""
    if not _is_local(folder):
        _file_systems().delete([f"{folder}/"])
    elif os.path.exists(folder):
        shutil.rmtree(folder)


def exists(path: str) -> bool:
    """Says whether a file is there."""
    return os.path.exists(path) if _is_local(path) else _file_systems().exists(path)


def read_bytes(path: str) -> bytes:
    """Returns the content of a file."""
    with open_file(path) as file:
        return file.read()


def write_bytes(path: str, content: bytes) -> None:
    """Write a file aside, then rename it."""
    with created(path) as file:
        file.write(content)


def write_text(path: str, text: str) -> None:
    """Write a UTF-8 text file aside, then rename it."""
    write_bytes(path, text.encode())


def write_json(path: str, content: Any) -> None:
    """Write a JSON file aside, then rename it."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _listed(folder: str) -> list[Any]:
    """Returns what Beam says of each file below a folder of another machine; "folder/" is none."""
    (matched,) = _file_systems().match([f"{glob.escape(folder)}/**"])
    return [file for file in matched.metadata_list if not file.path.endswith("/")]


def _is_local(path: str) -> bool:
    return "://" not in path


def _create(path: str) -> BinaryIO:
    return open(path, "wb") if _is_local(path) else _file_systems().create(path, compression_type=_AS_STORED)


def _file_systems() -> Any:
    """Returns Beam's file systems, whose import takes seconds that local files need not wait for."""
    from apache_beam.io.filesystems import FileSystems

    return FileSystems
