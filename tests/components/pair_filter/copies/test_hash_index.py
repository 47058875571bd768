"""The banded search finds what comparing with every hash finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_filter.config import MAX_HASH_DISTANCE
from components.pair_filter.copies import hash_index
from components.pair_filter.copies.hash_index import HashIndex, count_ones

numbers = st.integers(0, 2**64 - 1)


def slow(hashes: list[int], query: int, max_distance: int) -> tuple[int, int | None]:
    distances = [(query ^ known).bit_count() for known in hashes]
    if not distances or min(distances) > max_distance:
        return -1, None
    return distances.index(min(distances)), min(distances)


@settings(max_examples=60)
@given(st.data(), st.integers(0, MAX_HASH_DISTANCE))
def test_the_search_equals_comparing_with_every_hash(data, max_distance):
    hashes = sorted(data.draw(st.sets(numbers, max_size=12)))
    flips = st.sets(st.integers(0, 63), max_size=max_distance + 2)
    near = [known ^ sum(1 << bit for bit in data.draw(flips)) for known in hashes]
    queries = near + data.draw(st.lists(numbers, max_size=4))
    index = HashIndex.build(np.array(hashes, np.uint64), max_distance)
    positions, distances = index.nearest(np.array(queries, np.uint64))
    for query, position, distance in zip(queries, positions, distances, strict=True):
        expected, bits = slow(hashes, query, max_distance)
        assert position == expected
        assert bits is None or distance == bits


def test_many_comparisons_are_made_in_portions(monkeypatch):
    chance = np.random.default_rng(0)
    hashes = np.unique(chance.integers(0, 64, 50, np.uint64))  # all agree in their upper bands
    queries = chance.integers(0, 64, 30, np.uint64)
    whole = HashIndex.build(hashes, 2).nearest(queries)
    monkeypatch.setattr(hash_index, "_MAX_COMPARISONS", 7)
    for expected, found in zip(whole, HashIndex.build(hashes, 2).nearest(queries), strict=True):
        np.testing.assert_array_equal(expected, found)
    assert (whole[0] >= 0).all()


@pytest.mark.parametrize(("number", "ones"), [(0, 0), (1, 1), (2**64 - 1, 64), (0x8000_0000_0001_0000, 2)])
def test_ones_are_counted(number, ones):
    assert count_ones(np.array([number], np.uint64)).tolist() == [ones]


def test_an_empty_index_finds_nothing():
    positions, _ = HashIndex.build(np.empty(0, np.uint64), 4).nearest(np.array([1, 2], np.uint64))
    assert positions.tolist() == [-1, -1]
