"""What is left of each kind of set without some of its images, worked out by hand."""

from __future__ import annotations

import numpy as np

from components.evaluator.datasets.kinds import ChoiceSet, ClassSet, PairSet, PositivesSet, RatedSet
from components.evaluator.datasets.multi_label import MultiLabelSet
from components.evaluator.tasks import keeping


def nothing() -> bytes:
    return b""


PAIRS = PairSet(
    image_ids=("a", "b", "c"),
    images=(nothing,) * 3,
    captions=("a0", "a1", "b0", "c0"),
    caption_count=np.array([2, 1, 1]),
    languages=("en", "de", "en", "de"),
)
NOT_B = np.array([True, False, True])


def test_an_image_goes_with_its_captions():
    left, captions = keeping.keep_images(PAIRS, NOT_B)
    assert (left.image_ids, left.captions, left.languages) == (("a", "c"), ("a0", "a1", "c0"), ("en", "de", "de"))
    assert left.caption_count.tolist() == [2, 1]
    assert captions.tolist() == [True, True, False, True]


def test_captions_of_one_language_leave_every_image():
    left = keeping.keep_captions(PAIRS, np.array([True, False, True, False]))
    assert (left.image_ids, left.captions) == (("a", "b", "c"), ("a0", "b0"))
    assert left.caption_count.tolist() == [1, 1, 0]


def test_right_answers_are_renumbered():
    positives = PositivesSet(
        PAIRS,
        image_to_text=np.array([[0, 3], [1, 2], [2, 1]]),
        text_to_image=np.array([[3, 2], [0, 1]]),
        text_text=np.array([[0, 3], [2, 3]]),
        image_image=np.array([[0, 2], [1, 2]]),
        text_text_excluded=np.array([[3, 1]]),
    )
    left, captions = keeping.keep_positives(positives, NOT_B)
    assert left.image_to_text.tolist() == [[0, 2], [1, 1]]
    assert left.text_to_image.tolist() == [[2, 1]]
    assert left.text_text.tolist() == [[0, 2]]
    assert left.image_image.tolist() == [[0, 1]]
    assert left.text_text_excluded.tolist() == [[2, 1]]
    assert captions.tolist() == [True, True, False, True]


def test_classes_stay_though_their_images_go():
    left = keeping.keep_classified(
        ClassSet(("a", "b", "c"), (nothing,) * 3, np.array([0, 1, 0]), (("x",), ("y",))), NOT_B
    )
    assert (left.image_ids, left.labels.tolist(), left.classes) == (("a", "c"), [0, 0], (("x",), ("y",)))


def test_the_classes_of_an_image_go_with_it():
    whole = MultiLabelSet(
        image_ids=("a", "b", "c"),
        images=(nothing,) * 3,
        labels=np.array([0, 1, 0]),
        classes=(("x",), ("y",)),
        right=np.array([[0, 1], [1, 0], [2, 0], [2, 1]]),
    )
    left = keeping.keep_multi_label(whole, NOT_B)
    assert (left.image_ids, left.labels.tolist(), left.classes) == (("a", "c"), [0, 0], (("x",), ("y",)))
    assert left.right.tolist() == [[0, 1], [1, 0], [1, 1]]


def test_ratings_of_a_lost_image_go():
    rated = RatedSet(
        ("t",),
        ("a", "b", "c"),
        (nothing,) * 3,
        "text",
        np.array([0, 0]),
        "image",
        np.array([1, 2]),
        np.array([1.0, 2.0]),
    )
    left = keeping.keep_rated(rated, NOT_B)
    assert (left.right.tolist(), left.scores.tolist(), left.image_ids) == ([2], [2.0], ("a", "b", "c"))


def test_items_of_a_lost_image_go():
    choices = ChoiceSet(
        ("i", "j"),
        ("a", "b", "c"),
        (nothing,) * 3,
        ("right", "wrong"),
        np.array([[1], [2]]),
        np.array([[0, 1], [1, 0]]),
        ("g", "h"),
    )
    left = keeping.keep_choices(choices, NOT_B)
    assert (left.item_ids, left.item_images.tolist(), left.groups) == (("j",), [[2]], ("h",))
