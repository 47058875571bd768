"""Requests that wait for a place share a call, and each gets its own rows, its own failure or its own refusal."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from serving.server.batching.together import MOST_BYTES, MOST_ROWS, Together
from serving.server.core.spec import PATIENT, Caller
from serving.server.refusal import Refusal

BAD = b"bad"


class Bench:
    """Measures lengths of strings in one place, which a first request holds until `let_go`."""

    def __init__(self):
        self.together, self.open, self.calls = Together(1), threading.Event(), []
        self.work = self.lengths
        self.pool = ThreadPoolExecutor(64)
        self.first = self.pool.submit(self.together.run, self.work, np.array([b"first"], object), PATIENT)
        while not self.calls:
            time.sleep(0.001)

    def lengths(self, rows):
        self.calls.append(list(rows))
        assert self.open.wait(20)
        if BAD in rows:
            raise ValueError("no picture")
        return np.array([[len(row)] for row in rows]).reshape(-1, 1)

    def ask(self, *rows, caller=PATIENT, work=None):
        """Ask, and return once the request waits."""
        before = len(self.together._waiting)
        given = np.array([*rows, None], object)[:-1]
        answer = self.pool.submit(self.together.run, work or self.work, given, caller)
        while len(self.together._waiting) == before:
            time.sleep(0.001)
        return answer

    def let_go(self):
        """Let all go on; returns the rows of each call after the first."""
        self.open.set()
        self.pool.shutdown()
        assert (self.together._free, len(self.together._waiting)) == (1, 0)
        return self.calls[1:]


def test_those_that_wait_share_a_call_and_get_their_own_rows():
    bench = Bench()
    answers = [bench.ask(b"a"), bench.ask(), bench.ask(b"abc", b"ab")]
    assert bench.let_go() == [[b"a", b"abc", b"ab"]]
    assert [answer.result().tolist() for answer in answers] == [[[1]], [], [[3], [2]]]
    assert bench.first.result().tolist() == [[5]]


def test_a_bad_one_fails_alone():
    bench = Bench()
    good, bad, last = bench.ask(b"a"), bench.ask(BAD), bench.ask(b"ab")
    bench.let_go()
    assert [good.result().tolist(), last.result().tolist()] == [[[1]], [[2]]]
    with pytest.raises(ValueError, match="no picture"):
        bad.result()


def test_nothing_is_done_for_one_who_waits_no_more():
    bench, is_waiting = Bench(), threading.Event()
    is_waiting.set()
    leads, gone, kept = (
        bench.ask(b"gone first", caller=Caller(is_waiting=is_waiting.is_set)),
        bench.ask(b"gone", caller=Caller(deadline=time.monotonic())),
        bench.ask(b"kept"),
    )
    is_waiting.clear()
    assert bench.let_go() == [[b"kept"]]
    assert kept.result().tolist() == [[4]]
    for answer, code in ((leads, grpc.StatusCode.CANCELLED), (gone, grpc.StatusCode.DEADLINE_EXCEEDED)):
        with pytest.raises(Refusal) as caught:
            answer.result()
        assert caught.value.code is code


def test_a_call_is_no_larger_than_its_limits_and_of_one_kind():
    bench = Bench()
    many = [b"x"] * (MOST_ROWS - 1)
    bench.ask(*many)
    bench.ask(b"other", work=Bench.lengths.__get__(bench))
    bench.ask(b"too", b"many")
    bench.ask(b"fits")
    bench.ask(bytes(MOST_BYTES))
    calls = bench.let_go()
    assert [len(call) for call in calls] == [MOST_ROWS, 1, 2, 1]
    assert calls[:3] == [[*many, b"fits"], [b"other"], [b"too", b"many"]]
