"""Hands the counts of a Beam job to the process that launched it, as data: a retry replaces them and adds nothing."""

from __future__ import annotations

import json
import posixpath

import apache_beam as beam

from components.beam import whole_files
from components.counts import Counts

_COUNTS_FILE = "counts.json"


class HandOverCounts(beam.DoFn):
    """Leave the counts of a job in a folder, where `collect_counts` reads them."""

    def __init__(self, folder: str) -> None:
        self._path = posixpath.join(folder, _COUNTS_FILE)

    def process(self, counts: Counts) -> None:
        whole_files.write_json(self._path, counts.to_json())


def collect_counts(folder: str) -> Counts:
    """Returns the counts that the finished job handed over."""
    return Counts.from_json(json.loads(whole_files.read_bytes(posixpath.join(folder, _COUNTS_FILE))))
