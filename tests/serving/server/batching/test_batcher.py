"""Batches of any interleaving: each request gets its own rows, as if it had run alone."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError

import grpc
import numpy as np
import pytest
from batcher_bench import BAD, ENCODE, Bench, Gate, row_sums
from hypothesis import given, settings
from hypothesis import strategies as st
from signature_defs import signature_def

from serving.server.batching.batcher import Batcher, BatchQueue
from serving.server.batching.settings import BatchingSettings
from serving.server.core.spec import PATIENT, Caller
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import Refusal


def refused(answer) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        answer.result(timeout=20)
    return caught.value.code.name, caught.value.message


def test_what_waits_is_sent_together():
    bench = Bench()
    answers = [bench.submit([number, 1]) for number in range(5)]
    assert bench.let_go() == [[[0, 1], [1, 1], [2, 1], [3, 1], [4, 1]]]
    assert [answer.result()["y"].tolist() for answer in answers] == [[1], [2], [3], [4], [5]]


def test_a_batch_is_no_larger_than_its_limit_but_for_a_large_request():
    bench = Bench(max_batch_size=4)
    sizes = (3, 2, 1, 9, 4)
    answers = [bench.submit(*([[size]] * size)) for size in sizes]
    assert [len(batch) for batch in bench.let_go()] == [4, 2, 9, 4]
    assert [answer.result()["y"].tolist() for answer in answers] == [[size] * size for size in sizes]


def test_rows_of_different_shapes_never_share_a_batch():
    bench = Bench()
    answers = [bench.submit([1, 1]), bench.submit([2]), bench.submit([3, 3])]
    assert bench.let_go() == [[[1, 1], [3, 3]], [[2]]]
    assert [answer.result()["y"].tolist() for answer in answers] == [[2], [2], [6]]


def test_a_bad_item_fails_alone():
    bench = Bench()
    answers = [bench.submit([BAD if number == 2 else number]) for number in range(5)]
    bench.let_go()
    assert refused(answers.pop(2)) == ("INVALID_ARGUMENT", "a bad row")
    assert [answer.result()["y"].tolist() for answer in answers] == [[0], [1], [3], [4]]


def test_an_error_that_is_no_refusal_is_an_answer_too(caplog):
    def broken(inputs):
        if inputs["x"].any():
            raise ZeroDivisionError("by chance")
        return row_sums(inputs)

    bench = Bench(broken)
    answer = bench.submit([1])
    bench.let_go()
    assert refused(answer) == ("INTERNAL", "ZeroDivisionError: by chance")
    assert "by chance" in caplog.text


def test_outputs_that_are_no_arrays_fail_their_requests_and_not_the_thread():
    bench = Bench(lambda inputs: {"y": [1]} if inputs["x"].any() else row_sums(inputs))
    answers = [bench.submit([1]), bench.submit([2])]
    later = bench.submit([0, 0])
    bench.let_go()
    assert [refused(answer)[0] for answer in answers] == ["INTERNAL", "INTERNAL"]
    assert later.result(timeout=20)["y"].tolist() == [0]


def test_who_waits_no_more_never_runs():
    bench = Bench()
    late, gone, dropped = (
        bench.submit([1], caller=Caller(deadline=time.monotonic() + 0.05)),
        bench.submit([2], caller=Caller(is_waiting=iter([True, False]).__next__)),
        bench.submit([3]),
    )
    kept = bench.submit([4])
    assert dropped.cancel()
    time.sleep(0.1)
    assert bench.let_go() == [[[4]]]
    assert refused(late)[0] == "DEADLINE_EXCEEDED"
    assert refused(gone)[0] == "CANCELLED"
    with pytest.raises(CancelledError):
        dropped.result()
    assert kept.result()["y"].tolist() == [4]


@pytest.mark.parametrize(
    ("caller", "code"),
    [(Caller(deadline=0.0), "DEADLINE_EXCEEDED"), (Caller(is_waiting=lambda: False), "CANCELLED")],
)
def test_who_waits_no_more_is_not_queued(caller, code):
    bench = Bench()
    with pytest.raises(Refusal) as caught:
        bench.submit([1], caller=caller)
    assert caught.value.code.name == code
    assert bench.let_go() == []


def test_a_full_queue_refuses_at_once():
    bench = Bench(max_batch_size=2, max_enqueued_batches=2)
    answers = [bench.submit([1], [1]), bench.submit([2]), bench.submit([3])]
    with pytest.raises(Refusal) as caught:
        bench.submit([4])
    assert caught.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert caught.value.message == (
        "The batch scheduling queue to which this task was submitted is full; currently 3 requests of 4 rows enqueued "
        "and max_enqueued_batches is 2"
    )
    assert bench.let_go() == [[[1], [1]], [[2], [3]]]
    assert all(answer.result() for answer in answers)


@pytest.mark.parametrize("before", [0, 1])
def test_a_queue_that_is_not_full_takes_a_request_of_any_size(before):
    bench = Bench(max_batch_size=2, max_enqueued_batches=1)
    small = [bench.submit([2]) for _ in range(before)]
    large = bench.submit(*([[1]] * 9))
    with pytest.raises(Refusal, match="is full"):
        bench.submit([3])
    bench.let_go()
    assert large.result()["y"].tolist() == [1] * 9
    assert all(answer.result()["y"].tolist() == [2] for answer in small)


def test_a_signature_that_compares_rows_is_not_batched():
    def compare(inputs):
        return {"y": inputs["x"] @ inputs["x"].T}

    bench = Bench(compare, signature_def({"x": [-1, -1]}, {"y": [-1, -1]}))
    answers = [bench.submit([1], [2]), bench.submit([3])]
    assert bench.let_go() == [[[1], [2]], [[3]]]
    assert [answer.result()["y"].tolist() for answer in answers] == [[[1, 2], [2, 4]], [[9]]]


def test_outputs_that_are_no_rows_end_batching(caplog):
    def total(inputs):  # its signature says [-1], yet there is one of a batch
        return {"y": inputs["x"].sum(keepdims=True)[0]}

    bench = Bench(total)
    answers = [bench.submit([1]), bench.submit([2])]
    assert bench.let_go() == [[[1], [2]], [[1]], [[2]]]
    assert [answer.result()["y"].tolist() for answer in answers] == [[1], [2]]
    assert "is batched no more" in caplog.text


def test_batches_are_filled_up_to_allowed_sizes():
    bench = Bench(max_batch_size=4, allowed_batch_sizes=(2, 4))
    answers = [bench.submit([5], [6], [7])]
    assert bench.let_go() == [[[5], [6], [7], [5]]]
    assert answers[0].result()["y"].tolist() == [5, 6, 7]


def test_a_batch_that_begins_with_no_rows_is_filled_up_too(caplog):
    bench = Bench(max_batch_size=4, allowed_batch_sizes=(2, 4))
    empty = bench.queue.submit({"x": np.zeros((0, 1))}, PATIENT)
    answers = [empty, bench.submit([5], [6]), bench.submit([7])]
    assert bench.let_go() == [[[5], [6], [7], [5]]]
    assert [answer.result()["y"].tolist() for answer in answers] == [[], [5, 6], [7]]
    assert "is batched no more" not in caplog.text


def test_versions_never_share_a_batch():
    bench = Bench()
    other = Gate(lambda inputs: {"y": -inputs["x"].sum(axis=1)})
    other.open.set()
    newer = BatchQueue(bench.batcher, "m", 2, "s", ENCODE, other)
    pairs = [(bench.submit([number]), newer.submit({"x": np.array([[float(number)]])}, PATIENT)) for number in range(4)]
    assert bench.let_go() == [[[0], [1], [2], [3]]]
    assert other.batches == [[[0], [1], [2], [3]]]
    assert [(a.result()["y"].tolist(), b.result()["y"].tolist()) for a, b in pairs] == [
        ([number], [-number]) for number in range(4)
    ]


def test_a_closed_batcher_refuses():
    bench = Bench()
    bench.let_go()
    with pytest.raises(Refusal, match="shutting down"):
        bench.submit([1])


def test_a_request_that_outlives_its_version_in_the_queue_leaves_no_length_below_zero():
    bench = Bench()
    bench.submit([1]).cancel()  # as when its deadline passes: its version is let go, and may be unloaded
    bench.monitoring.unloaded(model="m", version=1)
    bench.let_go()
    lengths = [line for line in bench.monitoring.page().splitlines() if line.startswith("align_serving_queue_length{")]
    assert lengths == ['align_serving_queue_length{model="m",version="1",signature="s"} 0']


def test_batches_are_measured():
    bench = Bench()
    bench.submit([1])
    bench.submit([2], [3])
    assert 'align_serving_queue_length{model="m",version="1",signature="s"} 2' in bench.monitoring.page()
    bench.let_go()
    page = bench.monitoring.page()
    assert 'align_serving_queue_length{model="m",version="1",signature="s"} 0' in page
    assert 'align_serving_batch_rows_sum{model="m",version="1",signature="s"} 4' in page


requests = st.lists(
    st.tuples(
        st.integers(0, 4),  # rows
        st.integers(1, 2),  # their length
        st.booleans(),  # whether one is bad
        st.booleans(),  # whether it is submitted while the threads are busy
    ),
    max_size=24,
)


@settings(max_examples=60, deadline=None)
@given(requests, st.integers(1, 8), st.integers(1, 3))
def test_any_interleaving_gives_each_request_its_own_rows(requests, max_batch_size, threads):
    batcher = Batcher(
        BatchingSettings(max_batch_size=max_batch_size, max_enqueued_batches=1000, num_batch_threads=threads),
        Monitoring(),
    )
    gate = Gate()
    queue = BatchQueue(batcher, "m", 1, "s", ENCODE, gate)
    asked, answers = [], []
    for serial, (rows, length, is_bad, waits) in enumerate(requests):
        if not waits:
            gate.open.set()
        x = np.full((rows, length), 100.0 * serial) + np.arange(rows)[:, None]
        if is_bad and rows:
            x[rows // 2, 0] = BAD
        asked.append(x)
        answers.append(queue.submit({"x": x}, PATIENT))
    gate.open.set()
    batcher.close()
    for x, answer in zip(asked, answers, strict=True):
        if (x == BAD).any():
            assert refused(answer) == ("INVALID_ARGUMENT", "a bad row")
        else:
            np.testing.assert_array_equal(answer.result(timeout=0)["y"], row_sums({"x": x})["y"])
