"""PairFiles looks at the files in each run, before TFX's cache is asked."""

from __future__ import annotations

from components.lookup import LookupDriver
from components.pair_example_gen.pair_files.executor import Executor


class Driver(LookupDriver):
    """Puts the fingerprint into PairFiles' cache key."""

    EXECUTOR = Executor
