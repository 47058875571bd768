"""Replicas train as one device does on the joined batch: loss, gradients, and weights after a step."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def measured():
    """What replicas.py beside this file measures, in a process whose CPU is split."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("replicas.py"))]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def two(measured):
    return measured["two"]


def test_several_devices_mirror_the_model(measured):
    assert measured["picked"] == 4


def test_gather_joins_rows_in_order_of_replicas(two):
    assert two["gather"]["embeddings"] == [[1, 2, 11, 12]] * 2
    assert two["gather"]["offsets"] == [0, 2]


def test_gradients_of_gathered_rows_return_to_their_owner_from_all_replicas(two):
    # Replica r weighs the four rows by (r + 1) * (1, 2, 3, 4), so row k gets 1 (k) + 2 (k) = 3 k.
    assert two["gather"]["gradients"] == [[3, 6], [9, 12]]


def test_a_step_is_traced_once_for_each_length_of_texts(two):
    assert two["traces"] == [2, 2]


@pytest.mark.parametrize("replicas", ["two", "four"])
@pytest.mark.parametrize("objective", ["softmax", "multi_positive", "sigmoid"])
def test_clipped_gradients_of_replicas_are_those_of_one_device(objective, replicas, measured):
    case = measured[replicas]["objectives"][objective]
    assert case["loss"][0] == pytest.approx(case["loss"][1], rel=1e-6)
    assert case["norm"][0] == pytest.approx(case["norm"][1], rel=1e-5)
    assert case["norm"][1] > 0.05  # so the step was clipped
    assert case["gradients"] < 5e-6  # float32's rounding: 1e-6 to 3e-6 at a temperature of 0.1, over all weights
    assert case["worst_gradient"] < 1e-4
    assert case["trained"] < 1e-5


def test_synchronized_batch_norm_sees_the_joined_batch(two):
    case = two["synchronized"]
    assert case["loss"][0] == pytest.approx(case["loss"][1], rel=1e-6)
    assert case["gradients"] < 1e-5
    assert case["worst_gradient"] < 1e-4
    assert case["trained"] < 1e-5
    assert case["moving"] < 1e-5


def test_per_replica_statistics_are_those_of_halves(two):
    """Batch norm as in the paper, per replica: differs from the joined batch, equals halves embedded apart."""
    joined, halved = two["per_replica"], two["halved"]
    assert joined["gradients"] > 0.01
    assert abs(joined["loss"][0] - joined["loss"][1]) > 1e-4
    assert halved["loss"][0] == pytest.approx(halved["loss"][1], rel=1e-6)
    assert halved["gradients"] < 1e-5
    assert halved["worst_gradient"] < 1e-4
    assert halved["trained"] < 1e-5


def test_gradient_caching_gives_the_same_on_replicas(two):
    """Micro-batches are the unit of batch norm, so it does not matter which replica has which of them."""
    cached = two["cached"]
    assert cached["loss"][0] == pytest.approx(cached["loss"][1], rel=1e-6)
    assert cached["gradients"] < 1e-5
    assert cached["trained"] < 1e-5


def test_adamw_steps_all_replicas_as_one_device(two):
    """The third step's gradient is broken on one replica: all of them skip it, and go on together."""
    many, one = two["adamw"]
    assert many["skipped"] == one["skipped"] == 1
    for replicated, single in zip(many["weights"], one["weights"], strict=True):
        for copies, (expected,) in zip(replicated, single, strict=True):
            assert copies[0] == copies[1]
            np.testing.assert_allclose(copies[0], expected, rtol=1e-5, atol=1e-6)
    assert many["weights"][1] == many["weights"][2]
    assert many["weights"][2] != many["weights"][3]
