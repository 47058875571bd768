"""All data sets by name: what there is, whether it is there, and which one was meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.closest_name import did_you_mean
from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.published import (
    choices,
    cxc,
    demo,
    eccv_caption,
    fine_grained,
    imagenet,
    karpathy,
    multi30k,
    simlex,
    vtab,
)

_FAMILIES = (demo, karpathy, multi30k, cxc, eccv_caption, imagenet, fine_grained, vtab, simlex, choices)
ENTRIES: Mapping[str, Entry] = {entry.name: entry for family in _FAMILIES for entry in family.ENTRIES}


@dataclass(frozen=True)
class Listed:
    """A line of what there is.

    Attributes:
      name, kind, metrics, about, where: as `Entry` has them.
      state: "there", "absent", or "half there: ..." with what is missing.
    """

    name: str
    kind: str
    metrics: tuple[str, ...]
    state: str
    about: str
    where: str


def find(name: str) -> Entry:
    """Returns the entry of a name; raises DataSetError where there is none, with the name that was meant."""
    if name not in ENTRIES:
        raise DataSetError(f"`align eval --list` has no data set {name!r}{did_you_mean(name, ENTRIES)}")
    return ENTRIES[name]


def listing(root: Path) -> list[Listed]:
    """Returns every data set, in the order of the families, with whether its files are beneath `root`."""
    return [
        Listed(entry.name, entry.kind, entry.metrics, entry.state(root), entry.about, entry.where)
        for entry in ENTRIES.values()
    ]
