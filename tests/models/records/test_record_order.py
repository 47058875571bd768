"""Which records make up a batch, against a slow oracle that holds everything, for any counts and any beginning."""

from __future__ import annotations

import itertools

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.records.record_order import RecordOrder, records_in_order


def read(path: tf.Tensor) -> tf.data.Dataset:
    """A 'file' named '<number> <records>' holds the strings '<number>:0', '<number>:1', ..."""
    number, records = tf.unstack(tf.strings.split(path), num=2)
    places = tf.data.Dataset.range(tf.strings.to_number(records, tf.int64))
    return places.map(lambda place: tf.strings.join([number, ":", tf.strings.as_string(place)]))


def batches(order: RecordOrder, first: int, number: int, rows: range | None = None) -> list[list[bytes]]:
    files = [f"{number} {records}" for number, records in enumerate(order.counts)]
    wanted = len(rows) if rows is not None else order.batch
    stream = records_in_order(files, order, read, first_batch=first, rows=rows).batch(wanted).take(number)
    return [list(batch) for batch in stream.as_numpy_iterator()]


def oracle(order: RecordOrder, epoch: int) -> list[list[bytes]]:
    """All batches of an epoch, by lists: the files end to end, cut into lanes, the lanes into windows."""
    line = [b"%d:%d" % (file, place) for file in order.file_order(epoch).numpy() for place in range(order.counts[file])]
    lanes = []
    for lane in range(order.lanes):
        stretch = line[lane * order.lane_records : (lane + 1) * order.lane_records]
        shuffled = []
        for window, begin in enumerate(range(0, len(stretch), order.window)):
            held = stretch[begin : begin + order.window]
            places = order.places_in_window(
                *(tf.constant(n, tf.int64) for n in (epoch, lane, window, len(held)))
            ).numpy()
            shuffled += [held[place] for place in places]
        lanes.append(shuffled)
    share = order.lane_rows
    return [
        [record for lane in lanes for record in lane[k * share : (k + 1) * share]]
        for k in range(order.batches_per_epoch)
    ]


@st.composite
def orders(draw) -> RecordOrder:
    counts = draw(st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(lambda counts: sum(counts) >= 2))
    batch = draw(st.integers(2, min(8, sum(counts))))
    return RecordOrder(tuple(counts), batch, draw(st.integers(1, 30)), draw(st.integers(0, 3)))


@settings(max_examples=8, deadline=None)
@given(orders(), st.data())
def test_a_stream_from_any_batch_is_the_oracle_s_from_there(order, data):
    first = data.draw(st.integers(0, 3 * order.batches_per_epoch), "first batch")
    number = order.batches_per_epoch + 2  # past the border of an epoch
    epochs = range(first // order.batches_per_epoch, (first + number) // order.batches_per_epoch + 1)
    expected = [batch for epoch in epochs for batch in oracle(order, epoch)]
    skipped = first - epochs[0] * order.batches_per_epoch
    assert batches(order, first, number) == expected[skipped : skipped + number]


@settings(max_examples=4, deadline=None)
@given(orders(), st.data())
def test_the_workers_rows_one_after_another_are_the_batch(order, data):
    workers = data.draw(st.sampled_from([n for n in range(1, 5) if order.batch % n == 0]), "workers")
    share = order.batch // workers
    parts = [batches(order, 1, 2, range(worker * share, (worker + 1) * share)) for worker in range(workers)]
    joined = [list(itertools.chain(*rows)) for rows in zip(*parts, strict=True)]
    assert joined == batches(order, 1, 2)


@settings(max_examples=50, deadline=None)
@given(orders(), st.integers(0, 5))
def test_an_epoch_holds_each_record_at_most_once_and_leaves_out_less_than_a_batch(order, epoch):
    records = [record for batch in oracle(order, epoch) for record in batch]
    assert len(set(records)) == len(records)
    assert 0 <= sum(order.counts) - len(records) < order.batch


def test_lanes_share_a_batch_evenly_and_hold_what_is_allowed():
    order = RecordOrder((10,) * 20, 12, 100, 0)
    assert (order.lanes, order.lane_rows, order.window) == (12, 1, 4)  # 2 windows of each lane: 96 of 100
    assert RecordOrder((10,) * 20, 32, 100, 0).lanes == 16
    assert RecordOrder((10,) * 3, 32, 100, 0).lanes == 2
    assert RecordOrder((10,), 7, 1, 0).window == 1


def test_epochs_and_seeds_differ():
    order = RecordOrder((20, 20, 20), 6, 60, 0)
    assert oracle(order, 0) != oracle(order, 1)
    assert oracle(order, 0) != oracle(RecordOrder((20, 20, 20), 6, 60, 1), 0)
    assert {tuple(order.file_order(epoch).numpy()) for epoch in range(40)} > {(0, 1, 2), (2, 1, 0)}


def test_a_worker_reads_its_own_lanes_alone():
    order = RecordOrder((8, 8), 4, 2, 0)  # two lanes, each exactly a file
    own = int(order.file_order(tf.constant(0, tf.int64))[0])
    files = ["no file to read", "no file to read"]
    files[own] = f"{own} 8"
    stream = records_in_order(files, order, read, rows=range(2)).take(8)
    assert {record.partition(b":")[0] for record in stream.as_numpy_iterator()} == {b"%d" % own}
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(records_in_order(files, order, read, rows=range(2, 4)).take(8))


@settings(max_examples=8, deadline=None)
@given(orders(), st.data())
def test_a_file_that_holds_another_number_than_was_counted_is_an_error_once_an_epoch_is_over(order, data):
    """Also where its last records are those that an epoch leaves out, or it was empty."""
    changed = data.draw(st.integers(0, len(order.counts) - 1), "file")
    held = list(order.counts)
    held[changed] += data.draw(st.sampled_from([-1, 1]) if held[changed] else st.just(1), "records")
    files = [f"{number} {records}" for number, records in enumerate(held)]
    stream = records_in_order(files, order, read)
    with pytest.raises(tf.errors.FailedPreconditionError, match=r"expected to contain .* elements"):
        list(stream.take((order.batches_per_epoch + 1) * order.batch))
