"""One data set that the registry knows: what it is, which files it is made of, and whether they are there."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from components.evaluator.datasets.kinds import DataSet, DataSetError

Kind = Literal["pairs", "classes", "trained", "rated", "positives", "choice"]
KINDS: Mapping[Kind, str] = {
    "pairs": "retrieval, images with captions",
    "classes": "zero-shot classification",
    "trained": "nearest neighbours and probes, with images to learn from",
    "rated": "similarity as people rated it",
    "positives": "retrieval with right answers listed one by one",
    "choice": "which caption fits which image",
}


@dataclass(frozen=True)
class Entry:
    """A data set by name.

    Attributes:
      name: what suites and results call it.
      about: what it is, in one line.
      kind: which of KINDS it is, which says what is asked of it.
      metrics: the names of its headline numbers.
      layout: its own files and folders, from the data root on; a glob needs one match.
      shared: those of another set that it needs too, such as the images that it has captions of.
      where: one sentence: where to get it and where to put it.
      read: data root -> the set; called once all that it needs is there.
      split: of the published set.
      language: BCP 47 tag of its texts.
      packages: module -> the package of PyPI that brings it, which the set needs.
      images: that the published set is judged by, so that a part of it is told from the whole; None for a user's own.
      base: the folder that `layout` and `read` start from in place of the data root.

    With all of its own missing a set is absent, and with some of it, or what it shares, it is half there.
    """

    name: str
    about: str
    kind: Kind
    metrics: tuple[str, ...]
    layout: tuple[str, ...]
    where: str
    read: Callable[[Path], DataSet]
    split: str = "test"
    language: str = "en"
    shared: tuple[str, ...] = ()
    packages: Mapping[str, str] | None = None
    images: int | None = None
    base: Path | None = None

    def missing(self, root: Path) -> list[str]:
        """Returns what the set needs and is not there: Python packages, and paths."""
        start = self.base or root
        return self._missing_of_its_own(root) + [
            str(start / item) for item in self.shared if not _is_there(start, item)
        ]

    def state(self, root: Path) -> str:
        """Returns "there", "absent", or "half there: ..." with what is missing."""
        missing = self.missing(root)
        if not missing:
            return "there"
        own = len(self.layout) + len(self.packages or {})
        is_absent = len(self._missing_of_its_own(root)) == own
        return "absent" if is_absent else f"half there: {_and(missing)} missing"

    def _missing_of_its_own(self, root: Path) -> list[str]:
        start = self.base or root
        packages = [
            f"the Python package {package}"
            for module, package in (self.packages or {}).items()
            if importlib.util.find_spec(module) is None
        ]
        return packages + [str(start / item) for item in self.layout if not _is_there(start, item)]

    def load(self, root: Path) -> DataSet:
        """Read the set.

        Args:
          root: the folder that holds a folder for each set.

        Raises:
          DataSetError: it is not there, half there, or its files are not what they should be.
        """
        state = self.state(root)
        if state == "absent":
            raise DataSetError(f"the data set {self.name} is not in {self.base or root}: {self.where}")
        if state != "there":
            raise DataSetError(f"the data set {self.name} is {state}; {self.where}")
        try:
            return self.read(self.base or root)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, DataSetError):
                raise
            said = f"{type(error).__name__}: {error}"[:200]
            raise DataSetError(
                f"the files of the data set {self.name} are damaged, or of another form ({said}); get them again"
            ) from error


def _is_there(start: Path, item: str) -> bool:
    return any(start.glob(item)) if "*" in item else (start / item).exists()


def _and(names: list[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are"
