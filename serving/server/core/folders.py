"""The versions in a model's folder as a poll finds them, and whether a copy into one may still be under way."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from serving.versions import SAVED_MODEL_FILE, complete_versions, is_complete

FINGERPRINT_FILE = "fingerprint.pb"
LOADED = (SAVED_MODEL_FILE, FINGERPRINT_FILE, "variables", "assets")
SETTLE_S = 1.0  # a copy that pauses for longer between two files is taken for ended


@dataclass(frozen=True)
class VersionFolder:
    """A version whose files are all there.

    Attributes:
      path: its folder.
      content: (name, bytes, modification time in ns) of each file.
      model: what tells one pushed version from another: that of the files that a server loads, and the bytes of the
        fingerprint that TensorFlow saves with them. It is new at each export, when sizes and times may be the same.
      is_settled: whether nothing in it changed for the time that a copy takes between two files.
    """

    path: Path
    content: tuple[tuple[str, int, int], ...]
    model: tuple[object, ...]
    is_settled: bool


class FolderWatch:
    """What lies in one folder of numbered versions, poll by poll."""

    def __init__(self, base: Path, settle_s: float = SETTLE_S) -> None:
        self.base = base
        self._settle_s = settle_s
        self._since: dict[int, tuple[object, float]] = {}  # version -> its content and since when it is that

    def look(self) -> dict[int, VersionFolder]:
        """Returns number -> folder of the versions whose files are all there, ascending.

        A folder is settled once its files are old by the file system's clock (the time of the last change of any kind,
        which no copy can set back), or stayed the same from one poll to another: the clock may be another machine's.

        Raises:
          OSError: when the folder is not there or cannot be read.
        """
        if not self.base.is_dir():
            raise FileNotFoundError(f"the folder {self.base} is not there")
        found, since = {}, {}
        for version, path in complete_versions(self.base).items():
            try:
                content, changed = _content(path)
                model = _model(path, content)
            except OSError:  # it goes away while we look
                continue
            if SAVED_MODEL_FILE not in {name for name, _, _ in content} or not is_complete(
                path
            ):  # some went away already
                continue
            before = self._since.get(version)
            since[version] = before if before and before[0] == content else (content, time.monotonic())
            quiet_s = max(time.time() - changed, time.monotonic() - since[version][1])
            found[version] = VersionFolder(path, content, model, is_settled=quiet_s >= self._settle_s)
        self._since = since
        return found


def _model(path: Path, content: tuple[tuple[str, int, int], ...]) -> tuple[object, ...]:
    """Returns VersionFolder.model; what lies beside it, such as a model card, may change while it is served."""
    loaded = tuple(file for file in content if file[0].partition("/")[0] in LOADED)
    print_file = path / FINGERPRINT_FILE
    return (*loaded, print_file.read_bytes() if print_file.is_file() else b"")


def _content(path: Path) -> tuple[tuple[tuple[str, int, int], ...], float]:
    """Returns the files of a folder, and when the newest changed in seconds of the file system's clock.

    Raises:
      OSError: when it goes away meanwhile.
    """
    stats = [(file.relative_to(path).as_posix(), file.stat()) for file in sorted(path.rglob("*")) if file.is_file()]
    if not stats:
        raise FileNotFoundError(f"the folder {path} has no file any more")
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats), max(s.st_ctime for _, s in stats)
