"""Lets Beam load without clients of Google's that nothing here asks, which take half of its time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

UNASKED = ("google.cloud.bigquery", "google.cloud.pubsub")  # the first brings IPython along, for its progress bars


@contextmanager
def without_clients() -> Iterator[None]:
    """Let these count as not installed inside of the block, where Beam goes on without; behind it they can be had.

    Google's AI platform does not go on without: import it elsewhere.
    """
    absent = [name for name in UNASKED if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # what Python documents to make an import fail
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
