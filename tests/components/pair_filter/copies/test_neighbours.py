"""Near-duplicates by embedding: a case by hand, the paper's 120 buckets literally, the fast search as the slow one."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_filter.copies import neighbours
from components.pair_filter.copies.neighbours import Clusters, NeighbourIndex


def unit(vectors) -> np.ndarray:
    vectors = np.asarray(vectors, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def clouds(seed: int, number: int, dimension: int, groups: int, spread: float) -> np.ndarray:
    """Returns unit vectors that lie in groups, so that many are each other's near-duplicates and many are not."""
    random = np.random.default_rng(seed)
    middles = np.random.default_rng(99).normal(size=(groups, dimension))
    return unit(middles[random.integers(groups, size=number)] + spread * random.normal(size=(number, dimension)))


def literal_buckets(clusters: np.ndarray, shared: int) -> set[tuple[int, ...]]:
    """Returns the buckets of one image, one for each `shared` of its clusters, as the paper puts it."""
    return set(combinations(sorted(clusters.tolist()), shared))


def slow(index: NeighbourIndex, queries: np.ndarray) -> list[int]:
    """Returns the nearest evaluation image that meets each query in a literal bucket and is near enough, or -1."""
    queries_in = [literal_buckets(row, index.shared) for row in index.clusters.of(queries)]
    judged_in = [literal_buckets(row, index.shared) for row in index.clusters.of(index.embeddings)]
    found = []
    for query, buckets in zip(queries, queries_in, strict=True):
        best, nearest = -1, index.min_cosine
        for number, (vector, others) in enumerate(zip(index.embeddings, judged_in, strict=True)):
            cosine = np.einsum("pd,pd->p", query[None], vector[None])[0]
            if buckets & others and cosine > nearest:
                best, nearest = number, cosine
        found.append(best)
    return found


# Four centres on the axes of a plane; an image is in its 2 nearest, and 2 must be shared: the same quadrant.
COMPASS = Clusters(np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32), nearest=2)


def test_a_case_worked_out_by_hand():
    judged = unit([[3, 1], [1, 3], [-3, -1]])
    index = NeighbourIndex.build(COMPASS, ["east", "north", "west"], judged, shared=2, min_cosine=0.9)
    queries = unit(
        [
            [3, 1],  # is "east" itself: cosine 1
            [3, 2],  # same quadrant as both; 11 / sqrt(130) = 0.965 to "east", 9 / sqrt(130) = 0.789 to "north"
            [
                3,
                -0.1,
            ],  # 8.9 / sqrt(10 * 9.01) = 0.938 to "east", but across the border: only the cluster east is shared
            [-1, 1],  # alone in its quadrant
            [-1, -1],  # the quadrant of "west", too far away: 4 / sqrt(20) = 0.894
        ]
    )
    positions, cosines = index.nearest(queries)
    assert positions.tolist() == [0, 0, -1, -1, -1]
    assert cosines == pytest.approx([1, 11 / 130**0.5, 0, 0, 0], abs=1e-6)


def test_one_shared_cluster_is_enough_where_the_config_says_so():
    judged = unit([[3, 1]])
    index = NeighbourIndex.build(COMPASS, ["east"], judged, shared=1, min_cosine=0.9)
    assert index.nearest(unit([[3, -0.1]]))[0].tolist() == [0]


def test_the_threshold_itself_is_not_above_the_threshold():
    judged = np.array([[1, 0]], np.float32)
    query = np.array([[0.75, 0.0]], np.float32)  # exact in binary, as its product with the vector is
    assert NeighbourIndex.build(COMPASS, ["a"], judged, 1, min_cosine=0.75).nearest(query)[0].tolist() == [-1]
    assert NeighbourIndex.build(COMPASS, ["a"], judged, 1, min_cosine=0.74).nearest(query)[0].tolist() == [0]


def test_of_equal_neighbours_the_first_is_found():
    judged = unit([[0, 1], [3, 1], [3, 1]])
    index = NeighbourIndex.build(COMPASS, ["other", "first", "second"], judged, 2, 0.9)
    assert index.nearest(unit([[3, 1]]))[0].tolist() == [1]


@given(data=st.data())
def test_meeting_in_one_of_120_buckets_is_sharing_3_of_10_clusters(data):
    clusters = st.lists(st.integers(0, 25), min_size=10, max_size=10, unique=True).map(np.array)
    one, other = data.draw(clusters), data.draw(clusters)
    assert len(literal_buckets(one, 3)) == comb(10, 3) == 120
    meet = bool(literal_buckets(one, 3) & literal_buckets(other, 3))
    assert meet == (len(set(one.tolist()) & set(other.tolist())) >= 3)


@pytest.mark.parametrize("pairs_at_once", [1, 5000, 1 << 20])
def test_the_fast_search_finds_what_literal_buckets_find(pairs_at_once, monkeypatch):
    monkeypatch.setattr(neighbours, "_PAIRS_AT_ONCE", pairs_at_once)
    judged, queries = clouds(1, 150, 16, 40, 0.2), clouds(2, 203, 16, 40, 0.2)
    clusters = Clusters.learn(np.concatenate([judged, queries]), clusters=60, nearest=10)
    index = NeighbourIndex.build(clusters, [str(number) for number in range(150)], judged, shared=3, min_cosine=0.975)
    found, cosines = index.nearest(queries)
    assert found.tolist() == slow(index, queries)
    assert 40 < (found >= 0).sum() < 180, "the case tells both apart"
    assert (cosines[found >= 0] > 0.975).all()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    judged=st.integers(0, 30),
    queries=st.integers(0, 30),
    clusters=st.integers(1, 20),
    nearest=st.integers(1, 10),
    shared=st.integers(1, 10),
    min_cosine=st.sampled_from([-0.5, 0.5, 0.9]),
)
def test_any_size_is_searched_as_the_slow_way_searches_it(seed, judged, queries, clusters, nearest, shared, min_cosine):
    centres = clouds(seed, clusters, 4, 5, 0.5)
    index = NeighbourIndex.build(
        Clusters(centres, nearest), [""] * judged, clouds(seed + 1, judged, 4, 5, 0.3), min(shared, nearest), min_cosine
    )
    asked = clouds(seed + 2, queries, 4, 5, 0.3)
    assert index.nearest(asked)[0].tolist() == slow(index, asked)


def test_clusters_are_learnt_alike_from_the_same_sample():
    sample = clouds(3, 500, 8, 20, 0.1)
    one, other = (Clusters.learn(sample, clusters=20, nearest=3) for _ in range(2))
    assert one.centres.tobytes() == other.centres.tobytes()
    assert one.centres.shape == (20, 8)


def test_k_means_puts_what_lies_together_together():
    sample = clouds(4, 400, 8, 4, 0.02)
    learnt = Clusters.learn(sample, clusters=4, nearest=1)
    nearest = learnt.of(sample).ravel()
    distances = np.linalg.norm(sample[:, None] - learnt.centres[None], axis=-1)
    assert nearest.tolist() == distances.argmin(axis=1).tolist()


def test_fewer_embeddings_than_clusters_are_clusters_themselves():
    sample = unit([[1, 0], [0, 1], [1, 0]])
    learnt = Clusters.learn(sample, clusters=4096, nearest=10)
    assert learnt.centres.tolist() == [[0, 1], [1, 0]]
    assert learnt.of(sample).tolist() == [[0, 1]] * 3, "an image is in all where there are not 10"


def test_a_vector_of_zeros_is_next_to_nothing():
    index = NeighbourIndex.build(COMPASS, ["east"], unit([[3, 1]]), shared=1, min_cosine=0.1)
    assert index.nearest(np.zeros((2, 2), np.float32))[0].tolist() == [-1, -1]
