"""The order in which the records of files make up batches that never end, from any batch on, without holding them all.

An epoch puts the files in a new order and cuts their records, end to end, into as many stretches of one length as
there are lanes; what is left over fills no batch. A batch takes as many records from each lane, in the lanes' order.
A lane reads its stretch in windows and shuffles within each. Which records batch k holds thus follows from the files'
counts and the seed alone, and a reader may begin at any batch: it passes over at most one file and one window a lane.

Legend: G records in a batch, V lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf

MAX_LANES = 16  # files that are read at a time
_HELD_WINDOWS = 2  # the one that batches are taken from and the one that is read meanwhile


@dataclass(frozen=True)
class RecordOrder:
    """Which record stands where; all arithmetic, no reading.

    Attributes:
      counts: records of each file.
      batch: G.
      held: records that all lanes together hold for shuffling.
      seed: of the orders of files and within windows.
    """

    counts: tuple[int, ...]
    batch: int
    held: int
    seed: int

    @property
    def lanes(self) -> int:
        """V: the most that divide a batch evenly, at most one a file."""
        return max(n for n in range(1, min(MAX_LANES, len(self.counts)) + 1) if self.batch % n == 0)

    @property
    def lane_rows(self) -> int:
        """Records of each batch that come from one lane, G / V."""
        return self.batch // self.lanes

    @property
    def batches_per_epoch(self) -> int:
        return sum(self.counts) // self.batch

    @property
    def lane_records(self) -> int:
        """Records of an epoch that come from one lane."""
        return self.batches_per_epoch * self.lane_rows

    @property
    def window(self) -> int:
        """Records that a lane shuffles at a time."""
        return max(1, self.held // (_HELD_WINDOWS * self.lanes))

    def file_order(self, epoch: tf.Tensor) -> tf.Tensor:
        """Returns the places of the files in `counts`, in an epoch's order; scalar -> [files] int64."""
        files = len(self.counts)
        return tf.random.experimental.index_shuffle(tf.range(files, dtype=tf.int64), self._seed(epoch, 0), files - 1)

    def places_in_window(self, epoch: tf.Tensor, lane: tf.Tensor, window: tf.Tensor, records: tf.Tensor) -> tf.Tensor:
        """Returns a window's order: which of its `records` records comes first, and so on; [records] int64."""
        seed = self._seed(epoch, 1 + lane + window * self.lanes)
        return tf.random.experimental.index_shuffle(tf.range(records), seed, records - 1)

    def _seed(self, epoch: tf.Tensor, use: tf.Tensor | int) -> tf.Tensor:
        epoch_seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(epoch, tf.int64)])
        return tf.random.experimental.stateless_fold_in(epoch_seed, tf.cast(use, tf.int64))


def records_in_order(
    files: Sequence[str],
    order: RecordOrder,
    read: Callable[[tf.Tensor], tf.data.Dataset],
    *,
    first_batch: int = 0,
    rows: range | None = None,
) -> tf.data.Dataset:
    """Stream the records of batch `first_batch`, of the next, and so on without end.

    Only the lanes are read that the rows come from: where as many workers as lanes, or a divisor of that, take the
    rows of a batch in equal parts, each reads its share of the data and no more.

    Args:
      files: paths, one for each of `order.counts`.
      order: decides.
      read: path -> the records of that file, as many as its count, the same ones each time.
      first_batch: k of the first batch.
      rows: those of each batch that are wanted, in steps of one; all of them where null.

    Returns:
      A data set of single records: batch after batch, and in each the rows in their order.

    Raises:
      tf.errors.FailedPreconditionError: when iterated, where a file does not hold as many records as were counted. What
        an epoch leaves out is read too, by its last lane, so that no file goes unchecked.
    """
    rows = range(order.batch) if rows is None else rows
    first_epoch, first_place = divmod(first_batch, order.batches_per_epoch)
    wanted = _rows_of_lanes(order, rows)

    def lane_rows(lane: tf.Tensor, begin: tf.Tensor, end: tf.Tensor) -> tf.data.Dataset:
        def windows(epoch: tf.Tensor) -> tf.data.Dataset:
            passed = tf.where(epoch == first_epoch, tf.constant(first_place * order.lane_rows, tf.int64), 0)
            return _windows(files, order, read, epoch, lane, passed)

        blocks = tf.data.Dataset.counter(first_epoch).flat_map(windows).prefetch(1).unbatch().batch(order.lane_rows)
        return blocks.map(lambda block: block[begin:end])

    lanes = tf.data.Dataset.from_tensor_slices(wanted)
    return lanes.interleave(lane_rows, cycle_length=len(wanted[0]), block_length=1).unbatch()


def _rows_of_lanes(order: RecordOrder, rows: range) -> tuple[list[int], list[int], list[int]]:
    """Returns the lanes that `rows` of a batch come from, and the begin and end of what each gives of its rows."""
    share = order.lane_rows
    lanes = list(range(rows.start // share, (rows.stop - 1) // share + 1))
    begins = [max(rows.start - lane * share, 0) for lane in lanes]
    ends = [min(rows.stop - lane * share, share) for lane in lanes]
    return lanes, begins, ends


def _windows(
    files: Sequence[str],
    order: RecordOrder,
    read: Callable[[tf.Tensor], tf.data.Dataset],
    epoch: tf.Tensor,
    lane: tf.Tensor,
    passed: tf.Tensor,
) -> tf.data.Dataset:
    """Read a lane's records of one epoch from its record number `passed` on; [(records of one window)] elements."""
    first_window = passed // order.window
    lane = tf.cast(lane, tf.int64)
    begin = lane * order.lane_records + first_window * order.window  # in the epoch's files, end to end
    to_the_end = tf.constant(sum(order.counts) + 1, tf.int64)
    end = tf.where(lane == order.lanes - 1, to_the_end, (lane + 1) * order.lane_records)

    places = order.file_order(epoch)
    counts = tf.gather(tf.constant(order.counts, tf.int64), places)
    file_begins = tf.cumsum(counts, exclusive=True)
    skips = tf.clip_by_value(begin - file_begins, 0, counts)
    stops = tf.clip_by_value(end - file_begins, 0, counts)
    is_empty = (counts == 0) & (begin <= file_begins) & (file_begins < end)  # or was, when it was counted
    touched = (stops > skips) | is_empty
    ends_with_file = tf.cast(stops == counts, tf.int64)  # behind which there must be no record
    stretches = [tf.boolean_mask(of, touched) for of in (places, skips, stops - skips, ends_with_file)]

    paths = tf.constant(list(files))

    def stretch(place: tf.Tensor, skip: tf.Tensor, take: tf.Tensor, one_more: tf.Tensor) -> tf.data.Dataset:
        return read(paths[place]).skip(skip).take(take + one_more).apply(tf.data.experimental.assert_cardinality(take))

    def is_used(window: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        return window * order.window < order.lane_records

    def shuffle(window: tf.Tensor, held: tf.Tensor) -> tf.Tensor:
        held = held[: order.lane_records - window * order.window]  # without what the epoch leaves out
        records_held = tf.shape(held, tf.int64)[0]
        in_order = tf.gather(held, order.places_in_window(epoch, lane, window, records_held))
        return in_order[tf.where(window == first_window, passed % order.window, 0) :]

    records = tf.data.Dataset.from_tensor_slices(tuple(stretches)).flat_map(stretch)
    return records.batch(order.window).enumerate(first_window).filter(is_used).map(shuffle)
