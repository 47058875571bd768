"""The table of container_start.py, worked out by hand."""

from __future__ import annotations

from benchmarks.cluster.container_start import Time, report


def test_steps_are_medians_of_the_clock_and_sums_are_of_a_round():
    def steps(*seconds: float) -> list[Time]:
        return [Time(wall, wall / 2) for wall in seconds]

    table = report({"Trainer": [steps(1, 2, 0, 0, 1), steps(1, 5, 0, 0, 1), steps(2, 3, 0, 0, 1)]})
    assert table.splitlines()[-1] == "| Trainer | 1.0 | 3.0 | 0.0 | 0.0 | 1.0 | 6.0 | 3.0 | 8 |"
