"""Local folders as caches have to know them: every file below, links followed, and what tells a file from another."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

MISSING = "missing"


def files_below(folder: str, levels: int | None = None) -> Iterator[str]:
    """Yield the path below `folder` of each file in it, in an order that depends on names alone.

    Links are followed; a folder that lies in itself by a link is not entered again.

    Args:
      folder: to look into.
      levels: how many levels of folders to look at, 1 for `folder` alone; None for all.

    Raises:
      OSError: where a folder cannot be listed.
    """
    yield from _below(folder, "", levels, ())


def _below(folder: str, prefix: str, levels: int | None, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    found = os.stat(folder)
    identity = (found.st_dev, found.st_ino)
    if identity in above:
        return
    with os.scandir(folder) as entries:
        listed = sorted((entry.name, entry.is_dir()) for entry in entries)
    deeper = None if levels is None else levels - 1
    for name, is_folder in listed:
        if not is_folder:
            yield f"{prefix}{name}"
        elif deeper is None or deeper > 0:
            yield from _below(os.path.join(folder, name), f"{prefix}{name}/", deeper, (*above, identity))


class Stamps:
    """What tells a local file from any that stood at its path before, without reading it.

    That is its size and the times of its last change, to the nanosecond. A program can set the time of modification,
    but not that of change (ctime), which also a file has that was renamed to the path, whatever the clock says. Where
    links lead to a file, its real path belongs to it: of two that were written at the same instant, a link may name
    the one and then the other.
    """

    def __init__(self) -> None:
        self._real: dict[str, str] = {}  # folder -> real path; one object serves one look at the files

    def of(self, path: str) -> str:
        """Returns the stamp of a file, MISSING where it cannot be looked at."""
        try:
            found = os.lstat(path)
            real = self._real_folder(os.path.dirname(path))
            if stat.S_ISLNK(found.st_mode):
                found, real = os.stat(path), os.path.realpath(path)
        except (OSError, ValueError):  # ValueError: a name with a NUL in it
            return MISSING
        return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {real}"

    def _real_folder(self, folder: str) -> str:
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        return self._real[folder]
