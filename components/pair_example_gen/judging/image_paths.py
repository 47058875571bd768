"""Joins an image's path to its folder, and refuses one that would leave it.

An absolute path below the folder is first made one that starts from it, so that an image goes by one name.
"""

from __future__ import annotations

import posixpath
import re

from components.pair_example_gen.judging.reasons import IMAGE_PATH_OUTSIDE, Refused

_ADDRESS = re.compile(r"(https?|ftp)://", re.IGNORECASE)
LONGEST = 4096  # characters of a path: Linux's PATH_MAX; an image in base64 is longer
_DRIVE_OR_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def is_unsafe(path: str) -> bool:
    """Says whether a path is absolute, has a drive or a scheme, climbs by "..", or holds a NUL or a backslash."""
    return (
        path.startswith("/")
        or "\0" in path
        or "\\" in path
        or ".." in path.split("/")
        or _DRIVE_OR_SCHEME.match(path) is not None
    )


def below(folder: str, path: str) -> str:
    """Returns the path as it starts from `folder` where it is an absolute one below it, else the path."""
    start = f"{folder.rstrip('/')}/"
    return path[len(start) :].lstrip("/") if path.startswith(start) else path


def resolve(folder: str, path: str) -> str:
    """Returns the address of an image below `folder`.

    Raises:
      Refused: with image_path_outside.
    """
    if _ADDRESS.match(path):
        raise Refused(
            IMAGE_PATH_OUTSIDE, f"{path[:200]!r} is not downloaded; img2dataset makes tar shards of addresses"
        )
    if len(path) > LONGEST:
        raise Refused(IMAGE_PATH_OUTSIDE, f"{path[:20]!r}... of {len(path)} characters is no path; is it base64?")
    if is_unsafe(path):
        raise Refused(IMAGE_PATH_OUTSIDE, f"{path[:200]!r} is not a path below the image folder {folder[:200]}")
    return posixpath.join(folder, path)
