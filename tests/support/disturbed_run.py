"""A component's run in a thread of its own, so that a test can disturb it half-way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

WITHIN_S = 480


class Running:
    """A component's run in a thread of its own."""

    def __init__(self, run: Callable[[], dict]) -> None:
        self.made: dict = {}
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(run,), daemon=True)
        self._thread.start()

    def _run(self, run: Callable[[], dict]) -> None:
        try:
            self.made = run()
        except Exception as error:
            self.error = error

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Return once something is so, while the run goes on."""
        deadline = time.monotonic() + WITHIN_S
        while not is_so():
            assert self._thread.is_alive(), f"the run ended before its time: {self.error!r}"
            assert time.monotonic() < deadline, "it did not come to be so"
            time.sleep(0.02)

    def join(self) -> None:
        self._thread.join(WITHIN_S)
        assert not self._thread.is_alive(), "the run did not end"
