"""A Bloom filter loses none of its items and takes strangers for items no oftener than it promises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_filter.bloom import BloomFilter


@settings(max_examples=50)
@given(
    st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=60),
    st.sampled_from([0.5, 0.1, 1e-6]),
)
def test_no_item_is_lost(items, rate):
    ordered = sorted(items)
    assert BloomFilter.of(ordered, rate).contains(ordered).all()


@pytest.mark.parametrize("rate", [0.3, 0.1, 0.01])
def test_strangers_are_taken_for_items_at_most_at_the_rate(rate):
    made = BloomFilter.of([f"item {number}" for number in range(5000)], rate)
    strangers = 40_000
    taken = int(made.contains([f"stranger {number}" for number in range(strangers)]).sum())
    deviation = (strangers * rate * (1 - rate)) ** 0.5
    assert taken < strangers * rate + 4 * deviation
    assert taken > strangers * rate / 4, "a filter that is never wrong wastes its bits"


def test_an_item_takes_some_bits():
    made = BloomFilter.of([str(number) for number in range(10_000)], 0.001)
    assert 8 * len(made.bits) / 10_000 == pytest.approx(14.4, abs=0.1)
    assert made.hashes == 10


def test_an_empty_filter_knows_nothing():
    assert not BloomFilter.of([], 0.01).contains(["a", ""]).any()
