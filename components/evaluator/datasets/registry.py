"""All data sets by name: what there is, and which one was meant."""

from __future__ import annotations

from collections.abc import Mapping

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
    imagenet_real,
    karpathy,
    multi30k,
    simlex,
    vtab,
)

_FAMILIES = (
    *(demo, karpathy, multi30k, cxc, eccv_caption),
    *(imagenet, imagenet_real, fine_grained, vtab, simlex, choices),
)
ENTRIES: Mapping[str, Entry] = {entry.name: entry for family in _FAMILIES for entry in family.ENTRIES}


def find(name: str) -> Entry:
    """Returns the entry of a name; raises DataSetError where there is none, with the name that was meant."""
    if name not in ENTRIES:
        raise DataSetError(f"`align eval --list` has no data set {name!r}{did_you_mean(name, ENTRIES)}")
    return ENTRIES[name]
