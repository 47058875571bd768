"""Makes a corpus whose images are stand-ins, filters it, and says what that took and what became of the pairs."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.filter.run import MODES, FilterJob, FilterRun, read_report, run_filter
from benchmarks.pairs.make import make
from benchmarks.pairs.plan import Corpus
from components.pair_filter.config import FilterConfig

MODE = "multi_processing"
MIN_PLACES = 10_000  # of frequent n-grams: with fewer, a small corpus would be left nothing
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Filtered:
    """A corpus that was filtered.

    Attributes:
      manifest: what it was made of.
      counts: what became of it, as `Outcome` has them.
      run: what that took.
    """

    manifest: dict
    counts: Counter[tuple[str, str, str]]
    run: FilterRun

    @property
    def pairs(self) -> int:
        """Images of all splits, an image as often as pairs show it."""
        return sum(self.manifest["pairs"].values())

    @property
    def captions(self) -> int:
        """Captions of all splits."""
        return sum(self.manifest["captions"].values())


def filter_stand_ins(corpus: Corpus, pairs_per_file: int, config: FilterConfig, name: str, output: Path) -> Filtered:
    """Make a corpus in the folder `name` of `output`, or take what stands there, and filter it in a new process."""
    folder, scratch = output / name, output / f"{name}-run"
    manifest = make(folder, corpus, "examples", "stand-ins", pairs_per_file)
    shutil.rmtree(scratch, ignore_errors=True)
    run = run_filter(FilterJob(str(folder), str(scratch), config.to_json(), MODES[MODE]))
    counts = read_report(scratch)
    shutil.rmtree(scratch)
    return Filtered(manifest, counts, run)
