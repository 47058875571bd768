"""Takes versions of a pushed folder out of the servers' sight, and brings them back: what `align rollback` does.

A server without a model config file serves the newest version that it sees, and asks the folder alone. So a version
that must not be served is renamed to `taken-back-<version>`, which is no number. No file is copied or deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serving.versions import complete_versions, numbered_folders

TAKEN_BACK = "taken-back-"


@dataclass(frozen=True)
class Moved:
    """What became of versions; ascending.

    Attributes:
      newest: the version that servers now take.
      taken_back: those that they no longer see.
      brought_back: those that they see again.
    """

    newest: int
    taken_back: tuple[int, ...]
    brought_back: tuple[int, ...]


def taken_back_versions(base: Path) -> dict[int, Path]:
    """Returns number -> folder of the versions under `base` that are out of sight, ascending."""
    return numbered_folders(base, TAKEN_BACK)


def make_newest(base: Path, version: int | None = None) -> Moved:
    """Make a version the newest that servers see: take back all above it, bring back all up to it.

    Folders are renamed one by one, so that the newest one in sight changes once, from the version before to this one:
    whoever looks in between, or after a kill, finds either.

    Args:
      base: folder of numbered versions.
      version: which; None for the one before the newest in sight.

    Raises:
      ValueError: for a version that is not there, or not whole.
      OSError: where the folder cannot be written.
    """
    version = _before_newest(base) if version is None else version
    hidden, seen = taken_back_versions(base), numbered_folders(base)
    whole = sorted({*complete_versions(base), *complete_versions(base, TAKEN_BACK)})
    if version not in whole:
        raise ValueError(f"{base} holds no complete version {version}; it holds {', '.join(map(str, whole)) or 'none'}")
    taken = [number for number in seen if number > version]
    brought = [number for number in hidden if number <= version and number not in seen]
    for number in reversed(brought):  # the highest first: those below it are then in nobody's way
        hidden[number].rename(base / hidden[number].name.removeprefix(TAKEN_BACK))
    for number in taken:  # the newest last, until then it is the one that is served
        seen[number].rename(base / f"{TAKEN_BACK}{seen[number].name}")
    return Moved(version, tuple(taken), tuple(brought))


def _before_newest(base: Path) -> int:
    seen = list(complete_versions(base))
    if not seen:
        raise ValueError(f"{base} holds no complete version; push one first (`align run`)")
    if len(seen) == 1:
        raise ValueError(f"{base} holds no version before {seen[0]} that servers see; name one by --to")
    return seen[-2]
