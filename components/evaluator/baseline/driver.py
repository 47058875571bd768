"""BaselineModel looks at the pushed models in each run, before TFX's cache is asked."""

from __future__ import annotations

from components.evaluator.baseline.executor import Executor
from components.lookup import LookupDriver


class Driver(LookupDriver):
    """Puts the version into BaselineModel's cache key."""

    EXECUTOR = Executor
