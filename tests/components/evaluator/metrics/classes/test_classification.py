"""Naming classes: cases to check by hand, a slow oracle that sorts, merged classes and both rules for ties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluator.metrics.classes.classification import (
    NO_ANSWER,
    accuracy_values,
    class_embeddings,
    classify,
    confusions,
    per_class_values,
    without_images,
)


def unit(rows) -> np.ndarray:
    array = np.asarray(rows, np.float32)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def random_set(seed: int, images: int = 50, classes: int = 9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(images, 6))), rng.integers(classes, size=images), unit(rng.normal(size=(classes, 6)))


def naive_order(image: np.ndarray, classes: np.ndarray, answers: list[int]) -> list[int]:
    """Sorts all classes, then keeps each answer's first; wants distinct similarities."""
    order = sorted(range(len(classes)), key=lambda index: -float(image @ classes[index]))
    return list(dict.fromkeys(answers[index] for index in order if answers[index] != NO_ANSWER))


CARDINAL = unit([[1, 0], [0, 1], [-1, 0]])  # east, north, west


def test_a_case_to_check_by_hand():
    images = unit([[3, 1], [1, 3], [-4, 1], [1, -3]])
    found = classify(images, np.array([0, 0, 2, 1]), CARDINAL)
    assert found.named.tolist() == [0, 1, 2, 0]  # the last points south: east is nearest, west next, north last
    assert found.above.tolist() == [0, 1, 0, 2]
    assert found.rival.tolist() == [1, 1, 1, 0]
    assert found.margin == pytest.approx([-2 / 10**0.5, 2 / 10**0.5, -3 / 17**0.5, 4 / 10**0.5], abs=1e-6)
    values = accuracy_values(found)
    assert values["top_1"].tolist() == [1, 0, 1, 0]
    assert np.mean(values["mean_per_class"]) == pytest.approx((1 / 2 + 0 / 1 + 1 / 1) / 3)
    assert np.isnan(values["top_5"]).all()  # of three classes, any model's first five hold the right one


@pytest.mark.parametrize("ties", ["expected", "index"])
@pytest.mark.parametrize("images_per_chunk", [1, 7, 50, 1000])
def test_chunked_equals_sorting_every_row(images_per_chunk, ties):
    images, labels, classes = random_set(0)
    found = classify(images, labels, classes, ties=ties, images_per_chunk=images_per_chunk)
    orders = [naive_order(image, classes, list(range(9))) for image in images]
    assert found.named.tolist() == [order[0] for order in orders]
    for k in (1, 5):
        expected = [float(label in order[:k]) for order, label in zip(orders, labels, strict=True)]
        assert found.hits(k).tolist() == expected
    rivals = [next(answer for answer in order if answer != label) for order, label in zip(orders, labels, strict=True)]
    assert found.rival.tolist() == rivals


@settings(max_examples=40)
@given(st.integers(0, 1000), st.lists(st.integers(NO_ANSWER, 2), min_size=9, max_size=9))
def test_merged_classes_equal_sorting_every_row(seed, answers):
    if not {0, 1, 2} <= {*answers}:
        return
    images, labels, classes = random_set(seed, images=12)
    found = classify(images, labels % 3, classes, answers=np.array(answers))
    orders = [naive_order(image, classes, answers) for image in images]
    assert found.named.tolist() == [order[0] for order in orders]
    assert found.above.tolist() == [order.index(label) for order, label in zip(orders, labels % 3, strict=True)]


def test_an_answer_is_as_probable_as_all_its_classes():
    image = unit([[1, 1]])
    found = classify(image, np.array([0]), CARDINAL, answers=np.array([0, 1, 0]), temperature=0.5)
    east, north, west = (math.exp(cosine / 0.5) for cosine in (0.5**0.5, 0.5**0.5, -(0.5**0.5)))
    assert found.named[0] == 0  # east and north are equal: the lower answer
    assert found.confidence[0] == pytest.approx((east + west) / (east + north + west), rel=1e-5)
    left_out = classify(image, np.array([0]), CARDINAL, answers=np.array([0, 1, NO_ANSWER]), temperature=0.5)
    assert left_out.confidence[0] == pytest.approx(0.5)


def test_without_a_temperature_no_confidence_is_told():
    assert np.isnan(classify(*random_set(0)).confidence).all()


def test_equals_count_by_expectation_or_by_index():
    same = unit(np.ones((8, 3)))
    labels = np.array([0, 4, 7])
    expected, index = (classify(same[:3], labels, same, ties=ties) for ties in ("expected", "index"))
    assert expected.hits(1) == pytest.approx([1 / 8] * 3)
    assert expected.hits(5) == pytest.approx([5 / 8] * 3)
    assert index.hits(1).tolist() == [1, 0, 0]
    assert index.hits(5).tolist() == [1, 1, 0]
    assert expected.named.tolist() == index.named.tolist() == [0, 0, 0]
    assert expected.rival.tolist() == [1, 0, 0]
    assert expected.margin.tolist() == [0, 0, 0]


def test_of_one_class_there_is_no_rival():
    found = classify(unit([[1, 2]]), np.array([0]), unit([[1, 0]]))
    assert found.rival.tolist() == [NO_ANSWER]
    assert np.isnan(found.margin).all()
    assert np.isnan(accuracy_values(found)["top_1"]).all()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=1, max_size=30))
def test_values_average_to_the_mean_of_the_classes_means(rows):
    hits, labels = np.array([float(hit) for hit, _ in rows]), np.array([label for _, label in rows])
    shares = [hits[labels == label].mean() for label in np.unique(labels)]
    assert np.mean(per_class_values(hits, labels)) == pytest.approx(np.mean(shares), abs=1e-12)


def test_confusions_come_the_most_frequent_first():
    right, named = np.array([2, 0, 1, 2, 1, 2]), np.array([0, 0, 1, 0, 0, 2])
    assert confusions(right, named) == [(2, 0, 2), (0, 0, 1), (1, 0, 1), (1, 1, 1), (2, 2, 1)]
    assert confusions(right[:0], named[:0]) == []


def test_classes_without_an_image_are_counted_and_named():
    names = [f"class {index}" for index in range(8)]
    assert without_images(np.arange(8), names) is None
    assert without_images(np.array([0, 2, 2]), names[:3]) == (
        "1 of 3 classes have no image and count in no mean per class: 'class 1'"
    )
    assert str(without_images(np.array([0]), names)).endswith(
        "'class 1', 'class 2', 'class 3', 'class 4', 'class 5' and 2 more"
    )


def test_a_class_is_the_mean_of_its_texts_at_unit_length():
    texts = unit([[1, 0], [0, 1], [3, 4], [-1, 0], [0, 1], [0, 1]])
    found = class_embeddings(texts, np.array([2, 1, 3]))
    assert found == pytest.approx(unit([[1, 1], [3, 4], [-1, 2]]), abs=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("rows", "counts", "told"),
    [
        (np.eye(2), [1, 2], "text_count adds up to 3 for 2 texts"),
        (np.eye(2), [2, 0], "class 1 has no text"),
        (np.zeros((0, 2)), [], "class 0 has no text"),
        (np.array([[1.0, 0], [-1, 0]]), [2], "the texts of class 0 cancel out"),
        (np.array([[1.0, 0], [np.nan, 0]]), [2], "row 1 of text_embedding holds NaN"),
    ],
)
def test_classes_without_a_direction_are_refused(rows, counts, told):
    with pytest.raises(ValueError, match=told):
        class_embeddings(rows, np.array(counts, int))


IMAGES, LABELS, CLASSES = random_set(0)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"labels": np.array([9] + [0] * 49)}, "image 0 has the label 9, which none of the 9 classes is"),
        ({"labels": np.array([0] * 48 + [-1, -1])}, "image 48 has the label -1, .* [(]2 such images[)]"),
        ({"labels": LABELS[:3]}, r"labels has the shape \(3,\) for 50 images"),
        ({"image_embedding": IMAGES * 2}, "row 0 of image_embedding has the length 2"),
        ({"class_embedding": CLASSES * np.nan}, "row 0 of class_embedding holds NaN"),
        ({"class_embedding": unit(np.ones((9, 5)))}, "image_embedding has 6 numbers a row and class_embedding 5"),
        ({"temperature": 0.0}, "temperature is 0"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"answers": np.zeros(8, int)}, r"answers has the shape \(8,\) for 9 classes"),
        ({"answers": np.full(9, NO_ANSWER)}, "no class takes part"),
        ({"answers": np.array([0, 2] * 4 + [3])}, "no class counts as answer 1"),
        ({"answers": np.array([0, 1] * 4 + [-2])}, "one is below -1"),
    ],
)
def test_bad_input_is_told_in_one_sentence(changed, told):
    given_ = {"image_embedding": IMAGES, "labels": LABELS, "class_embedding": CLASSES} | changed
    with pytest.raises(ValueError, match=told):
        classify(**given_)
