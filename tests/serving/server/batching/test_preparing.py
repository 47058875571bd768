"""A batch waits for what is being prepared, such as a picture that is decoded, but not for long."""

from __future__ import annotations

import time

import pytest
from batcher_bench import Bench


def test_what_is_being_prepared_is_waited_for():
    bench = Bench()
    with bench.queue.preparing():
        early = bench.submit([1, 1])
        time.sleep(0.5)  # so long the first batch runs, and the next one waits
        bench.gate.open.set()
        assert bench.first.result(timeout=20)
        time.sleep(0.05)  # in which a thread that does not wait has run the batch
        late = bench.submit([2, 1])
    assert [early.result(timeout=20)["y"].tolist(), late.result(timeout=20)["y"].tolist()] == [[2], [3]]
    assert bench.let_go() == [[[1, 1], [2, 1]]]


def test_what_is_prepared_for_longer_than_a_batch_runs_is_not_waited_for():
    bench = Bench()
    with bench.queue.preparing():
        early = bench.submit([1, 1])
        bench.gate.open.set()
        assert early.result(timeout=20)["y"].tolist() == [2]
    assert bench.let_go() == [[[1, 1]]]


@pytest.mark.parametrize("rows", [2, 3])
def test_a_full_batch_waits_for_nothing(rows):
    bench = Bench(max_batch_size=2)
    for number in range(rows):
        bench.submit([number, 1])
    bench.queue._last_run_s = 60.0
    with bench.queue.preparing(), bench.batcher.changed:
        began = time.monotonic()
        bench.queue.wait_for_prepared()
        assert time.monotonic() - began < 30
    bench.let_go()
