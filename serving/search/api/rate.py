"""How many requests one address may send."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_ADDRESSES = 10_000
BURST_S = 5.0  # so many seconds' worth may come at once


class Rate:
    """A bucket of tokens an address: each request takes one, and they come back at a steady rate.

    Examples:
      >>> rate = Rate(1, clock=lambda: 0.0)
      >>> [rate.allows("10.0.0.1") for _ in range(6)]
      [True, True, True, True, True, False]
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Allow so many requests a second to each address.

        Raises:
          ValueError: when that is not above 0.
        """
        if not per_second > 0:
            raise ValueError(f"{per_second} requests a second are allowed; give a number above 0")
        self.per_second = per_second
        self._clock = clock
        self._most = max(1.0, per_second * BURST_S)
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> tokens, when

    def allows(self, address: str) -> bool:
        """Says whether a request of an address may be answered now, and takes a token for it."""
        now = self._clock()
        tokens, before = self._held.pop(address, (self._most, now))
        tokens = min(self._most, tokens + (now - before) * self.per_second)
        self._held[address] = (tokens - 1 if tokens >= 1 else tokens, now)
        while len(self._held) > MOST_ADDRESSES:
            self._held.popitem(last=False)
        return tokens >= 1
