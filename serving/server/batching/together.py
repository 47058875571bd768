"""What is done for requests before their batches, such as decoding their pictures: for several that wait in one call.

```
run --> a free place: at once, in the thread of the caller
        none: wait --> the first that waits gets the next free place, and takes others that wait along
```
A call of a graph costs about as much as decoding a small photograph: one alone takes 3.1 ms of CPU time, each of
eight 1.8.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from serving.server.core.spec import Caller
from serving.server.refusal import Refusal

MOST_ROWS = 8  # more save hardly anything
MOST_BYTES = 2**20  # a large picture is decoded alone: others would wait for it
Work = Callable[[np.ndarray], np.ndarray]


@dataclass(eq=False)
class _Asked:
    """A request: its rows [N] of bytes, who waits, and the Event that says that it was answered or has a place."""

    work: Work
    rows: np.ndarray
    caller: Caller
    turn: threading.Event = field(default_factory=threading.Event)
    answer: Future[np.ndarray] = field(default_factory=Future)


class Together:
    """As many calls at once as there are places."""

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._free = places
        self._waiting: deque[_Asked] = deque()

    def run(self, work: Work, rows: np.ndarray, caller: Caller) -> np.ndarray:
        """Returns what `work` makes of a request's rows, or raises what it raises for them alone.

        Args:
          work: [N] bytes -> [N, ...], each row of the result of one row alone; the same object for all that may share a
            call.
          rows: [N] bytes.
          caller: nothing is done for one who waits no more when its turn comes; it is refused.
        """
        own = _Asked(work, rows, caller)
        with self._lock:
            if self._free:
                self._free -= 1
                own.turn.set()
            else:
                self._waiting.append(own)
        own.turn.wait()
        if not own.answer.done():
            self._lead(own)
        return own.answer.result()

    def _lead(self, first: _Asked) -> None:
        """Do the work of a request that has a place, and of others that wait, and hand the place on."""
        group = [first]
        try:
            with self._lock:
                group += self._companions(first)
            _answer(group)
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().turn.set()
                else:
                    self._free += 1
            for asked in group[1:]:
                asked.turn.set()

    def _companions(self, first: _Asked) -> list[_Asked]:
        taken: list[_Asked] = []
        passed_over: list[_Asked] = []
        rows, size = len(np.atleast_1d(first.rows)), _bytes_of(first)
        while self._waiting and rows < MOST_ROWS and size < MOST_BYTES:
            asked = self._waiting.popleft()
            fits = (
                asked.work is first.work
                and asked.rows.ndim == first.rows.ndim == 1
                and rows + len(asked.rows) <= MOST_ROWS
                and size + _bytes_of(asked) <= MOST_BYTES
            )
            (taken if fits else passed_over).append(asked)
            rows, size = (rows + len(asked.rows), size + _bytes_of(asked)) if fits else (rows, size)
        self._waiting.extendleft(reversed(passed_over))
        return taken


def _bytes_of(asked: _Asked) -> int:
    return sum(map(len, asked.rows.ravel()))


def _answer(group: list[_Asked]) -> None:
    """Answer each that is still waited for; where the call of all fails, each by a call of its own."""
    wanted = []
    for asked in group:
        try:
            asked.caller.check()
            wanted.append(asked)
        except Refusal as refusal:
            asked.answer.set_exception(refusal)
    if not wanted:
        return
    try:
        rows = [asked.rows for asked in wanted]
        found = wanted[0].work(rows[0] if len(rows) == 1 else np.concatenate(rows))
    except Exception as error:
        if len(wanted) == 1:
            wanted[0].answer.set_exception(error)
            return
        for asked in wanted:
            _answer([asked])
        return
    if len(wanted) == 1:
        wanted[0].answer.set_result(found)
        return
    ends = np.cumsum([len(asked.rows) for asked in wanted])
    for asked, end in zip(wanted, ends, strict=True):
        asked.answer.set_result(found[end - len(asked.rows) : end])
