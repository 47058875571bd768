"""Lists files on any file system that Beam reads: the folder stands for itself, the pattern alone is a glob."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from apache_beam.io.filesystem import FileSystem
from apache_beam.io.filesystems import FileSystems

from components.files import local_files
from components.pair_example_gen.storage import file_systems as storage
from components.pair_example_gen.storage.errors import innermost, is_missing

_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Listed:
    """A file as it stands in a listing.

    Attributes:
      size: in bytes.
      stamp: what tells it from any file that stood at its path before.
    """

    size: int
    stamp: str


def list_files(folder: str, pattern: str) -> dict[str, Listed]:
    """Returns path -> file of what a glob matches below a folder, sorted by path; none where there is no such folder.

    Args:
      folder: path or address, in which no character is special.
      pattern: as Beam has it: * and ? match within a name, ** across folders, [...] one of several characters.

    Raises:
      Exception: the file system's own, where it cannot be listed.
    """
    plain, glob = _divide(pattern)
    folder = posixpath.join(folder, plain)
    matches = re.compile(FileSystem.translate_pattern(glob)).match
    if FileSystems.get_scheme(folder) is None:
        return _list_local(folder, glob, matches)
    below = f"{folder.rstrip('/')}/"
    start = "" if FileSystems.get_filesystem(folder).has_dirs() else _MAGIC.split(glob, maxsplit=1)[0]
    found = _list_remote(folder, f"{below}{start}")
    return dict(sorted((path, file) for path, file in found if matches(path.removeprefix(below))))


def has_folder(folder: str) -> bool:
    """Says whether a folder is there; an object store has none, only what lies in them.

    Raises:
      Exception: the file system's own, where it cannot be asked.
    """
    storage.current_options()
    files = FileSystems.get_filesystem(folder)
    return files.exists(folder) if files.has_dirs() else any(True for _ in files._list(f"{folder.rstrip('/')}/"))


class Stamps:
    """What tells the files at paths and addresses from those before; on servers it lists each of their folders once."""

    def __init__(self) -> None:
        self._local = local_files.Stamps()
        self._folders: dict[str, dict[str, Listed]] = {}

    def of(self, path: str) -> str:
        """Returns the stamp of a file, MISSING where there is none.

        Raises:
          Exception: the file system's own, where its folder on a server cannot be listed.
        """
        if FileSystems.get_scheme(path) is None:
            return self._local.of(path)
        if storage.is_no_name(path):
            return local_files.MISSING
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            self._folders[folder] = list_files(folder, "*")
        return self._folders[folder][path].stamp if path in self._folders[folder] else local_files.MISSING


def _divide(pattern: str) -> tuple[str, str]:
    """Divide a pattern before its first part with a wildcard, or before its last part."""
    parts = (f"{pattern}*" if pattern.endswith("/") else pattern).split("/")
    plain = next((number for number, part in enumerate(parts) if _MAGIC.search(part)), len(parts) - 1)
    root = "/" if pattern.startswith("/") else ""
    return "/".join(parts[:plain]) or root, "/".join(parts[plain:])


def _list_local(folder: str, glob: str, matches: Callable[[str], Any]) -> dict[str, Listed]:
    stamps = local_files.Stamps()
    found = {}
    levels = None if "**" in glob else glob.count("/") + 1
    try:
        below = [name for name in local_files.files_below(folder, levels) if matches(name)]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    for path in sorted(posixpath.join(folder, name) for name in below):
        status = os.stat(path)  # a link to nowhere is an error, not no file
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, and a device read without end
            raise ValueError(f"{path} is no regular file")
        found[path] = Listed(status.st_size, stamps.of(path))
    return found


def _list_remote(folder: str, start: str) -> Iterator[tuple[str, Listed]]:
    """Yield (address, file) of what lies in a folder or, on an object store, begins so."""
    storage.current_options()
    try:
        for file in FileSystems.get_filesystem(folder)._list(start):
            if not file.path.endswith("/"):  # consoles of object stores make an empty "folder/" to show a folder
                yield file.path, Listed(file.size_in_bytes, f"{file.size_in_bytes} {file.last_updated_in_seconds}")
    except Exception as error:
        if FileSystems.get_scheme(folder) == "hdfs" and is_missing(innermost(error)):
            return
        raise
