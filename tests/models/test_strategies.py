"""On which devices training runs, and which batches they can share."""

from __future__ import annotations

import subprocess
import sys

import pytest
import tensorflow as tf

from models.strategies import check_batch_divides, pick_strategy
from models.training_config import TrainingConfig


def test_one_device_needs_no_mirror():
    assert len(tf.config.list_logical_devices("CPU")) == 1
    assert not isinstance(pick_strategy("auto"), tf.distribute.MirroredStrategy)


def test_several_devices_mirror_the_model():
    script = (
        "import tensorflow as tf; cpu = tf.config.list_physical_devices('CPU')[0]; "
        "tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2); "
        "from models.strategies import pick_strategy; print(pick_strategy('auto').num_replicas_in_sync)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"


@pytest.mark.parametrize(("batch", "replicas"), [(8, 1), (8, 2), (9, 3), (2, 2)])
def test_batches_that_divide_pass(batch, replicas):
    check_batch_divides(TrainingConfig(batch=batch), replicas)


@pytest.mark.parametrize(("batch", "replicas", "remedy"), [(9, 2, 8), (3, 4, 4), (130, 8, 128)])
def test_batches_that_do_not_divide_are_told_what_would(batch, replicas, remedy):
    with pytest.raises(ValueError, match=rf"training\.batch is {batch}, which {replicas} .* set it to {remedy} or"):
        check_batch_divides(TrainingConfig(batch=batch), replicas)
