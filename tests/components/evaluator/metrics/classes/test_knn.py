"""Nearest neighbours: cases to check by hand, an oracle that sorts all, both rules for ties, chunks of any size."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluator.metrics.classes.knn import NONE, nearest_neighbours, neighbour_values


def unit(rows) -> np.ndarray:
    array = np.asarray(rows, np.float32)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def at(*degrees: float) -> np.ndarray:
    return np.array([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], np.float32)


def naive_hit(image, label, trained, trained_labels, k: int) -> float:
    """Sorts all training images by similarity, of equals the lower index first."""
    order = sorted(range(len(trained)), key=lambda index: (-round(float(image @ trained[index]) * 2**20), index))
    return float(label in [trained_labels[index] for index in order[:k]])


def test_a_case_to_check_by_hand():
    found = nearest_neighbours(at(0, 50), np.array([0, 1]), at(10, 20, 40, 90), np.array([1, 0, 0, 1]))
    assert found.hits(1).tolist() == [0, 0]  # 10 is of class 1, 40 of class 0
    assert found.hits(2).tolist() == [1, 0]
    assert found.hits(3).tolist() == [1, 1]  # 40, 20, then 10 and 90 at the same angle, both of class 1
    assert found.hits(4).tolist() == [1, 1]
    assert np.isnan(found.hits(5)).all()  # of four there are no five nearest
    assert found.right.tolist() == [1, 0]
    assert found.rival.tolist() == [0, 2]
    degrees = [(10, 20), (10, 40)]
    assert found.margin == pytest.approx(
        [math.cos(math.radians(a)) - math.cos(math.radians(b)) for a, b in degrees], abs=2e-6
    )
    assert [*neighbour_values(found)] == ["knn_top_1", "knn_top_5"]


@pytest.mark.parametrize(("images_per_chunk", "trained_per_chunk"), [(1, 1), (7, 5), (40, 3), (9, 1000)])
def test_chunked_equals_sorting_every_row(images_per_chunk, trained_per_chunk):
    rng = np.random.default_rng(0)
    images, trained = unit(rng.normal(size=(40, 5))), unit(rng.normal(size=(33, 5)))
    labels, trained_labels = rng.integers(6, size=40), rng.integers(5, size=33)  # class 5 has no training image
    found = nearest_neighbours(
        images, labels, trained, trained_labels,
        images_per_chunk=images_per_chunk, trained_per_chunk=trained_per_chunk,
    )  # fmt: skip
    for k in (1, 3, 33):
        expected = [naive_hit(*row, trained, trained_labels, k) for row in zip(images, labels, strict=True)]
        assert found.hits(k).tolist() == expected
    assert found.without_training == int(np.sum(labels == 5)) > 0
    assert np.all((found.right == NONE) == (labels == 5))


@settings(max_examples=30)
@given(st.data())
def test_ties_by_index_equal_a_stable_sort_and_by_expectation_the_mean_over_all_orders(data):
    angles = st.sampled_from([0, 30, 60])  # few, so that most tie
    trained_degrees = data.draw(st.lists(angles, min_size=1, max_size=7))
    trained_labels = np.array(
        data.draw(st.lists(st.integers(0, 2), min_size=len(trained_degrees), max_size=len(trained_degrees)))
    )
    label, k = data.draw(st.integers(0, 2)), data.draw(st.integers(1, len(trained_degrees)))
    image, trained = at(data.draw(angles)), at(*trained_degrees)
    chunk = data.draw(st.integers(1, 7))
    by_index, expected = (
        nearest_neighbours(image, np.array([label]), trained, trained_labels, ties=ties, trained_per_chunk=chunk).hits(
            k
        )[0]
        for ties in ("index", "expected")
    )
    assert by_index == naive_hit(image[0], label, trained, trained_labels, k)
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(trained)) for _ in range(60)]
    hits = [naive_hit(image[0], label, trained[order], trained_labels[order], k) for order in orders]
    assert expected == pytest.approx(np.mean(hits), abs=0.3)
    assert (expected in (0.0, 1.0)) == (len({*hits}) == 1)


def test_a_collapsed_model_finds_what_drawing_finds():
    same = unit(np.ones((10, 3)))
    labels = np.array([0] * 6 + [1] * 4)
    found = nearest_neighbours(same, labels, same, labels)
    assert found.hits(1) == pytest.approx([0.6] * 6 + [0.4] * 4)
    assert found.hits(10) == pytest.approx(np.ones(10))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"embedding": np.ones((2, 3), np.float32)}, "row 0 of embedding has the length"),
        ({"trained_embedding": np.full((2, 2), np.nan, np.float32)}, "row 0 of trained_embedding holds NaN"),
        ({"labels": np.array([0])}, r"the labels of embedding have the shape \(1,\) for 2 rows"),
        ({"trained_labels": np.array([0, -1])}, "the labels of trained_embedding .* one is below 0"),
        (
            {"trained_embedding": at()[:0].reshape(0, 2), "trained_labels": np.zeros(0, int)},
            "trained_embedding has no row",
        ),
        ({"trained_embedding": unit(np.ones((2, 3)))}, "embedding has 2 numbers a row and trained_embedding 3"),
    ],
)
def test_bad_input_is_told_in_one_sentence(changed, told):
    given_ = {"embedding": at(0, 1), "labels": np.array([0, 1])}
    given_ |= {"trained_embedding": at(0, 1), "trained_labels": np.array([0, 1])} | changed
    with pytest.raises(ValueError, match=told):
        nearest_neighbours(**given_)
