"""A Bloom filter loses none of its items and takes strangers for items no oftener than it promises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_filter.counting.bloom import BloomFilter


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
    taken, most = strangers_taken(made, rate, 40_000)
    assert most / 8 < taken < most, "a filter that is never wrong wastes its bits"


@pytest.mark.parametrize("items", [1, 2, 5, 20, 100])
def test_small_filters_keep_to_the_rate_too(items):
    taken = most = 0
    for seed in range(20):
        made = BloomFilter.of([f"{seed} {number}" for number in range(items)], 0.01)
        one, most_of_one = strangers_taken(made, 0.01, 2000)
        taken, most = taken + one, most + most_of_one
    assert taken < most


def strangers_taken(made: BloomFilter, rate: float, strangers: int) -> tuple[int, float]:
    """Returns how many strangers a filter takes for items, and how many it may by four standard deviations."""
    taken = int(made.contains([f"stranger {number}" for number in range(strangers)]).sum())
    return taken, strangers * rate + 4 * (strangers * rate * (1 - rate)) ** 0.5


def test_an_item_takes_some_bits():
    made = BloomFilter.of([str(number) for number in range(10_000)], 0.001)
    assert 8 * len(made.bits) / 10_000 == pytest.approx(14.4, abs=0.1)
    assert made.hashes == 10


def test_an_empty_filter_knows_nothing():
    assert not BloomFilter.of([], 0.01).contains(["a", ""]).any()
