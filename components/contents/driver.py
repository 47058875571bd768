"""Contents looks at the files in each run, before TFX's cache is asked."""

from __future__ import annotations

from components.contents.executor import Executor
from components.lookup import LookupDriver


class Driver(LookupDriver):
    """Puts the word into Contents' cache key."""

    EXECUTOR = Executor
