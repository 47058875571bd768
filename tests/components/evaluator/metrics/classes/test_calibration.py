"""Calibration: bins to check by hand, and an oracle that walks over the bins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluator.metrics.classes.calibration import BINS, calibration_values, reliability

SHARES = st.floats(0, 1)


def naive_error(confidence: list[float], hits: list[float], bins: int) -> float:
    """Walks over the bins: (0, 1/B], (1/B, 2/B], ..., and 0 in the first."""
    error = 0.0
    for index in range(bins):
        low, high = index / bins, (index + 1) / bins
        inside = [row for row, sure in enumerate(confidence) if low < sure <= high or (index == 0 and sure == 0)]
        if inside:
            sure = sum(confidence[row] for row in inside) / len(inside)
            right = sum(hits[row] for row in inside) / len(inside)
            error += len(inside) / len(confidence) * abs(right - sure)
    return error


def test_a_case_to_check_by_hand():
    confidence, hits = np.array([0.95, 0.99, 0.41, 0.43]), np.array([1.0, 0.0, 0.0, 1.0])
    values = calibration_values(confidence, hits, bins=10)
    assert np.mean(values) == pytest.approx((abs(1 - 1.94) + abs(1 - 0.84)) / 4)
    drawn = reliability(confidence, hits, bins=10)
    assert drawn.confidence == pytest.approx([0.42, 0.97])
    assert drawn.accuracy.tolist() == [0.5, 0.5]
    assert drawn.images.tolist() == [2, 2]


@settings(max_examples=40)
@given(st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=40), st.integers(1, 20))
def test_values_average_to_what_walking_over_the_bins_gives(rows, bins):
    confidence, hits = (list(column) for column in zip(*rows, strict=True))
    values = calibration_values(np.array(confidence), np.array(hits), bins)
    assert np.mean(values) == pytest.approx(naive_error(confidence, hits, bins), abs=1e-12)


def test_the_ends_of_the_scale_are_in_the_first_and_the_last_bin():
    confidence, hits = np.array([0.0, 0.01, 0.95, 1.0]), np.array([1.0, 0.0, 1.0, 0.0])
    assert reliability(confidence, hits).images.tolist() == [2, 2]
    assert len(reliability(np.linspace(0, 1, 1000), np.ones(1000)).images) == BINS


def test_a_model_that_is_as_right_as_sure_has_no_error():
    assert np.mean(calibration_values(np.full(10, 0.3), np.array([1.0] * 3 + [0.0] * 7))) == pytest.approx(0)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match=r"confidence 1 is .*; give probabilities"):
        calibration_values(np.array([0.5, wrong]), np.ones(2))
