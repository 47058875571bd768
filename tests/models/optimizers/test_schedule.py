"""The schedule at its corners."""

import pytest

from models.optimizers.schedule import WarmupThenLinearDecay


def test_schedule_rises_then_falls_in_straight_lines():
    schedule = WarmupThenLinearDecay(0.8, 4, 12)
    rates = [float(schedule(step)) for step in (0, 1, 4, 8, 12, 13)]
    assert rates == pytest.approx([0.0, 0.2, 0.8, 0.4, 0.0, 0.0])


@pytest.mark.parametrize(("warmup_steps", "rates"), [(0, [1.0, 0.75, 0.25]), (4, [0.0, 0.25, 0.75])])
def test_schedule_without_one_of_its_halves(warmup_steps, rates):
    schedule = WarmupThenLinearDecay(1.0, warmup_steps, 4)
    assert [float(schedule(step)) for step in (0, 1, 3)] == pytest.approx(rates)
