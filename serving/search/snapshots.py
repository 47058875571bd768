"""The states of an index that somebody still turns pages of, and the page tokens that name them."""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable

from serving.search.questions import Question
from serving.search.ranking import DEEPEST, Ranking
from serving.search.stores.store import Snapshot

KEPT_S = 900.0  # after its last use a state that is not the newest is let go
MOST_RANKINGS = 500  # whose pages are turned without another search
_AGAIN = "search again from the first page"


class Snapshots:
    """Hands out the newest state of a store under a name, and older ones by their names for a while."""

    def __init__(self, take: Callable[[], Snapshot], most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Take `Store.snapshot` and `Store.most_snapshots`."""
        self._take, self._most, self._clock = take, most, clock
        self._lock = threading.Lock()
        self._states: OrderedDict[str, tuple[Snapshot, float]] = OrderedDict()  # name -> state, last use; in that order
        self._rankings: OrderedDict[tuple[str, str], Ranking] = OrderedDict()  # (state, question), last used last
        self._newest = ""

    def newest(self) -> tuple[str, Snapshot]:
        """Returns the name and the state of the store now."""
        now = self._take()
        with self._lock:
            if not self._newest or self._states[self._newest][0] is not now:
                self._newest = uuid.uuid4().hex[:12]
            self._use(self._newest, now)
            self._let_go()
            return self._newest, now

    def named(self, name: str) -> Snapshot:
        """Returns the state of a name; raises ValueError where it is not kept any more."""
        with self._lock:
            self._let_go()
            if name not in self._states:
                raise ValueError(f"the index has changed since this search, and its state then is gone; {_AGAIN}")
            state = self._states[name][0]
            self._use(name, state)
            return state

    def ranking(self, name: str, question: Question, rank: Callable[[], Ranking]) -> Ranking:
        """Returns the ranking of a question on the state of a name: the one that is kept, or what `rank` makes."""
        key = name, question.digest
        with self._lock:
            if key in self._rankings:
                self._rankings.move_to_end(key)
                return self._rankings[key]
        made = rank()
        with self._lock:
            kept = self._rankings.setdefault(key, made)
            while len(self._rankings) > MOST_RANKINGS:
                self._rankings.popitem(last=False)
            return kept

    def _use(self, name: str, state: Snapshot) -> None:
        self._states[name] = state, self._clock()
        self._states.move_to_end(name)

    def _let_go(self) -> None:
        stale = self._clock() - KEPT_S
        while older := next((name for name in self._states if name != self._newest), None):
            if self._states[older][1] >= stale and len(self._states) <= self._most:
                return
            del self._states[older]
            for key in [key for key in self._rankings if key[0] == older]:
                del self._rankings[key]


def page_token(name: str, question: Question, start: int) -> str:
    """Returns the token of the page that begins with hit number `start`."""
    return base64.urlsafe_b64encode(json.dumps([name, question.digest, start]).encode()).decode().rstrip("=")


def read_page_token(token: str, question: Question) -> tuple[str, int]:
    """Returns the name of the state and the number of the first hit.

    Raises:
      ValueError: for a token that is none, or is of another question.
    """
    try:
        name, digest, start = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if not (isinstance(name, str) and type(start) is int and 0 <= start <= DEEPEST):
            raise ValueError
    except (ValueError, TypeError, binascii.Error) as error:
        raise ValueError(f"{token[:40]!r} names no page; {_AGAIN}") from error
    if digest != question.digest:
        raise ValueError(f"the page {token[:40]!r} is of another question; {_AGAIN}")
    return name, start
