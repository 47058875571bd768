"""Images of several classes: a case to check by hand, a slow oracle, ties, and one class an image as before."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluator.datasets.multi_label import MultiLabelSet
from components.evaluator.tasks.judged import Item, Judged
from components.evaluator.tasks.multi_label import judge_multi_label
from components.evaluator.tasks.zero_shot import judge_zero_shot

BLANK = Judged("set", "", "val", "en", {})
CARDINAL = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)  # east, north, west, south


def unit(rows) -> np.ndarray:
    array = np.asarray(rows, np.float32)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def multi_label(right: list[set[int]], classes: int) -> MultiLabelSet:
    return MultiLabelSet(
        image_ids=tuple(f"i{number}" for number in range(len(right))),
        images=(bytes,) * len(right),
        labels=np.array([min(own) for own in right]),
        classes=tuple((f"c{number}",) for number in range(classes)),
        right=np.array([(image, label) for image, own in enumerate(right) for label in sorted(own)]),
    )


def test_any_of_an_images_classes_is_right():
    images = unit([[3, 1], [1, 3], [-3, 1], [2, -1]])  # named east, north, west, east
    judged = judge_multi_label(BLANK, multi_label([{0, 2}, {2, 3}, {1, 2}, {3}], 4), images, CARDINAL)
    assert judged.per_query["class"]["top_1"].tolist() == [1, 0, 1, 0]
    top_1 = judged.numbers["top_1"]
    assert (top_1.value, top_1.queries) == (0.5, 4)
    assert top_1.chance == pytest.approx((2 + 2 + 2 + 1) / 16)
    assert math.isnan(judged.numbers["top_5"].value)  # of 4 classes any model would have it
    assert "mean_per_class" not in judged.numbers
    assert {(failure.asked, failure.got, failure.right) for failure in judged.failures} == {
        (Item(image="i1"), Item("c1"), Item("c2")),  # of west and south, west is nearer to what points north-north-east
        (Item(image="i3"), Item("c0"), Item("c3")),
    }
    assert judged.confusions == (("c2", "c1", 1), ("c3", "c0", 1))
    by_class = {part.name: (part.numbers["top_1"].value, part.numbers["top_1"].queries) for part in judged.slices}
    assert by_class == {"c0": (1, 1), "c1": (1, 1), "c2": (pytest.approx(2 / 3), 3), "c3": (0, 2)}


@settings(max_examples=40)
@given(
    st.lists(st.sets(st.integers(0, 7), min_size=1, max_size=4), min_size=1, max_size=12),
    st.integers(0, 1000),
    st.sampled_from(["expected", "index"]),
)
def test_equals_sorting_every_row(right, seed, ties):
    rng = np.random.default_rng(seed)
    images, classes = unit(rng.normal(size=(len(right), 6))), unit(rng.normal(size=(8, 6)))
    judged = judge_multi_label(BLANK, multi_label(right, 8), images, classes, ties=ties)
    for k in (1, 5):
        expected = [
            float(any(label in own for label in sorted(range(8), key=lambda label: -float(image @ classes[label]))[:k]))
            for image, own in zip(images, right, strict=True)
        ]
        assert judged.per_query["class"][f"top_{k}"].tolist() == expected


@settings(max_examples=20)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=12), st.integers(0, 1000))
def test_with_one_class_an_image_it_is_plain_zero_shot(labels, seed):
    rng = np.random.default_rng(seed)
    images, classes = unit(rng.normal(size=(len(labels), 6))), unit(rng.normal(size=(8, 6)))
    whole = multi_label([{label} for label in labels], 8)
    several = judge_multi_label(BLANK, whole, images, classes)
    one = judge_zero_shot(BLANK, whole, images, classes)
    assert several.numbers == {name: one.numbers[name] for name in ("top_1", "top_5")}
    assert (several.slices, several.confusions, several.failures) == (one.slices, one.confusions, one.failures)


def test_equals_count_by_expectation_or_by_index():
    same = unit(np.ones((8, 3)))
    whole = multi_label([{0, 5}, {6, 7}], 8)
    told = {
        ties: judge_multi_label(BLANK, whole, same[:2], same, ties=ties).per_query["class"]
        for ties in ("expected", "index")
    }
    assert told["expected"]["top_1"] == pytest.approx([2 / 8] * 2)
    assert told["expected"]["top_5"] == pytest.approx([1 - (3 * 2 / 2) / (8 * 7 / 2)] * 2)  # C(3, 2) / C(8, 2) miss
    assert (told["index"]["top_1"].tolist(), told["index"]["top_5"].tolist()) == ([1, 0], [1, 0])
