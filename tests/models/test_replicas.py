"""Two replicas train as one device does on the joined batch: loss, gradients, and weights after a step."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def found():
    """What tests/models/two_replicas.py measures, in a process whose CPU is split in two."""
    script = Path(__file__).with_name("two_replicas.py")
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


def test_gather_joins_rows_in_order_of_replicas(found):
    assert found["gather"]["embeddings"] == [[1, 2, 11, 12]] * 2
    assert found["gather"]["offsets"] == [0, 2]


def test_gradients_of_gathered_rows_return_to_their_owner_from_all_replicas(found):
    # Replica r weighs the four rows by (r + 1) * (1, 2, 3, 4), so row k gets 1 (k) + 2 (k) = 3 k.
    assert found["gather"]["gradients"] == [[3, 6], [9, 12]]


@pytest.mark.parametrize("mode", ["inference", "synchronized"])
def test_two_replicas_equal_one_device(found, mode):
    """Batch norm frozen, or its statistics spanning replicas: nothing differs."""
    case = found[mode]
    assert case["loss"][0] == pytest.approx(case["loss"][1], rel=1e-6)
    assert case["gradients"] < 1e-5
    assert case["worst_gradient"] < 1e-4
    assert case["trained"] < 1e-5
    assert case["moving"] < 1e-5


def test_per_replica_statistics_are_those_of_halves(found):
    """Batch norm as in the paper, per replica: differs from the joined batch, equals halves embedded apart."""
    joined, halved = found["per_replica"], found["halved"]
    assert joined["gradients"] > 0.01
    assert abs(joined["loss"][0] - joined["loss"][1]) > 1e-4
    assert halved["loss"][0] == pytest.approx(halved["loss"][1], rel=1e-6)
    assert halved["gradients"] < 1e-5
    assert halved["worst_gradient"] < 1e-4
    assert halved["trained"] < 1e-5
