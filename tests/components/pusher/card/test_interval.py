"""Wilson's interval, beside values that are published or follow by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pusher.card.interval import wilson


@pytest.mark.parametrize(
    ("share", "count", "low", "high"),
    [(0.5, 100, 0.4038, 0.5962), (0.0, 10, 0.0, 0.2775), (1.0, 10, 0.7225, 1.0), (0.5, 1, 0.0546, 0.9454)],
)
def test_by_hand(share, count, low, high):
    assert wilson(share, count) == pytest.approx((low, high), abs=5e-5)


@given(share=st.floats(0, 1), count=st.integers(1, 10**9))
def test_it_holds_the_share_and_lies_in_0_and_1(share, count):
    low, high = wilson(share, count)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
