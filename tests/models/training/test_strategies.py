"""On which devices training runs, and which batches they can share."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from models.training.strategies import check_batch_divides, distribute, pick_strategy
from models.training.workers import Workers
from models.training_config import TrainingConfig


def test_one_device_needs_no_mirror():
    assert len(tf.config.list_logical_devices("CPU")) == 1
    assert not isinstance(pick_strategy("auto"), tf.distribute.MirroredStrategy)


@pytest.mark.parametrize(("batch", "replicas"), [(8, 1), (8, 2), (9, 3), (2, 2)])
def test_batches_that_divide_pass(batch, replicas):
    check_batch_divides(TrainingConfig(batch=batch), replicas)


@pytest.mark.parametrize(("batch", "replicas", "remedy"), [(9, 2, 8), (3, 4, 4), (130, 8, 128)])
def test_batches_that_do_not_divide_are_told_what_would(batch, replicas, remedy):
    with pytest.raises(ValueError, match=rf"training\.batch is {batch}, which {replicas} .* set it to {remedy} or"):
        check_batch_divides(TrainingConfig(batch=batch), replicas)


def test_parts_that_do_not_divide_a_replicas_share_are_told_so():
    with pytest.raises(ValueError, match=r"training\.micro_batch is 4, which does not divide the 2 pairs"):
        check_batch_divides(TrainingConfig(batch=8, micro_batch=4), 4)


def test_micro_batches_come_together_and_are_cut_together():
    """Three to a batch, to the least quarter of 8 pieces that holds the longest text of all three."""
    lengths = [1, 2, 3, 1, 1, 1, 7, 1]  # of one text of each micro-batch
    texts = tf.data.Dataset.from_tensor_slices(lengths).map(lambda n: tf.sequence_mask([n, 1], 8, tf.int32))
    stream = texts.enumerate().map(lambda number, token_ids: {"number": number, "token_ids": token_ids})
    batches = distribute(pick_strategy("one_device"), lambda worker, workers: stream.repeat(), 3)
    for numbers, cut in (([0, 1, 2], 4), ([3, 4, 5], 2), ([6, 7, 0], 8)):
        batch = next(batches)
        assert [int(part["number"]) for part in batch] == numbers
        for part, number in zip(batch, numbers, strict=True):
            expected = np.arange(cut) < np.array([[lengths[number]], [1]])
            np.testing.assert_array_equal(part["token_ids"], expected.astype(np.int32))


@pytest.mark.parametrize(
    ("tf_config", "said"),
    [
        (None, "TF_CONFIG names no cluster"),
        ("{}", "TF_CONFIG names no cluster"),
        ("{'cluster': ", r"TF_CONFIG cannot be read \(Expecting property name"),
        ('{"cluster": [1]}', "TF_CONFIG cannot be read"),
        ('{"cluster": {"worker": ["a:1"]}, "task": []}', "TF_CONFIG"),
        ('{"cluster": {"worker": ["a:1"]}}', "this process is task None of None, which its cluster"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "task 1 of 'worker', which its"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}', "task 0 of 'chief', which its"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "x"}}', "TF_CONFIG cannot be read"),
    ],
)
def test_a_tf_config_that_says_too_little_is_named(tf_config, said, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if tf_config is not None:
        monkeypatch.setenv("TF_CONFIG", tf_config)
    with pytest.raises(ValueError, match=said) as raised:
        pick_strategy("multi_worker")
    assert "start each worker with TF_CONFIG as in" in str(raised.value)


def test_a_process_alone_is_the_chief_and_agrees_with_itself():
    workers = Workers(pick_strategy("one_device"))
    assert (workers.count, workers.index, workers.is_chief) == (1, 0, True)
    assert workers.tell(7) == [7]
    workers.check_same("ffffffffffffffff")


def test_errors_of_a_process_alone_are_no_lost_workers():
    with pytest.raises(tf.errors.UnavailableError), Workers(pick_strategy("one_device")).needed():
        raise tf.errors.UnavailableError(None, None, "a bucket is gone")
