"""The kinds of data sets: tables that do not fit each other are refused in one sentence."""

import dataclasses

import numpy as np
import pytest

from components.evaluator.datasets.kinds import (
    ChoiceSet,
    ClassSet,
    DataSetError,
    PairSet,
    PositivesSet,
    RatedSet,
    TrainedSet,
    no_pairs,
)
from components.evaluator.datasets.pictures import HeldPicture

TWO = (HeldPicture(b"0"), HeldPicture(b"1"))
PAIRS = PairSet(("a", "b"), TWO, ("one", "two", "three"), np.array([2, 1]))
CLASSES = ClassSet(("a", "b"), TWO, np.array([0, 1]), (("cat",), ("dog", "puppy")))
RATED = RatedSet(
    texts=("one", "two"),
    image_ids=("a", "b"),
    images=TWO,
    left_modality="text",
    left=np.array([0, 1]),
    right_modality="image",
    right=np.array([1, 0]),
    scores=np.array([1.5, 4.0]),
)
POSITIVES = PositivesSet(PAIRS, np.array([[0, 2]]), np.array([[2, 0]]), text_text=np.array([[0, 1]]))
CHOICES = ChoiceSet(
    item_ids=("x",),
    image_ids=("a", "b"),
    images=TWO,
    captions=("one", "two"),
    item_images=np.array([[0, 1]]),
    item_captions=np.array([[0, 1]]),
    groups=("",),
)


@pytest.mark.parametrize(
    ("whole", "changed", "said"),
    [
        (PAIRS, {"image_ids": ("a",)}, "1 image_ids for 2 images"),
        (PAIRS, {"image_ids": ("a", "a")}, "the image 'a' stands in the set twice"),
        (PAIRS, {"caption_count": np.array([3])}, "one count of 0 or more an image"),
        (PAIRS, {"caption_count": np.array([4, -1])}, "one count of 0 or more an image"),
        (PAIRS, {"caption_count": np.array([2, 2])}, "adds up to 4 for 3 captions"),
        (PAIRS, {"languages": ("en",)}, "1 languages for 3 captions"),
        (PAIRS, {"captions": (), "caption_count": np.array([0, 0])}, "nothing to ask with"),
        (PAIRS, {"image_ids": (), "images": ()}, "the set has no image"),
        (CLASSES, {"labels": np.array([0])}, "labels has the shape (1,) for 2 images"),
        (CLASSES, {"labels": np.array([0, 2])}, "labels points at 2 of 2 classes"),
        (CLASSES, {"labels": np.array([-1, 0])}, "labels points at -1 of 2 classes"),
        (CLASSES, {"labels": np.array([0.0, 1.0])}, "indices are whole numbers"),
        (CLASSES, {"classes": (("cat",), ())}, "class 1 has the names ()"),
        (CLASSES, {"classes": (("cat",), ("dog", " "))}, "give each class a name"),
        (CLASSES, {"templates": ("a photo",)}, "must have one {}"),
        (CLASSES, {"templates": ("a {} in {}",)}, "must have one {}"),
        (CLASSES, {"templates": ()}, "there is no template"),
        (RATED, {"left": np.array([0])}, "left has the shape (1,) for 2 ratings"),
        (RATED, {"right": np.array([0, 2])}, "right points at 2 of 2 images"),
        (RATED, {"texts": ("one",)}, "left points at 1 of 1 texts"),
        (RATED, {"scores": np.array([1.0, np.nan])}, "1 of 2 ratings are numbers"),
        (RATED, dict.fromkeys(("left", "right", "scores"), np.zeros(0, np.int64)), "0 of 0 ratings"),
        (POSITIVES, {"image_to_text": np.array([[0, 3]])}, "image_to_text points at 3 of 3 rows that answer"),
        (POSITIVES, {"text_to_image": np.array([[3, 0]])}, "text_to_image points at 3 of 3 rows that ask"),
        (POSITIVES, {"image_image": np.array([0, 1])}, "one row of two indices a pair"),
        (POSITIVES, {"text_text": np.array([[2, 2]])}, "text_text lists 2 as a right answer to itself"),
        (
            POSITIVES,
            dict.fromkeys(("image_to_text", "text_to_image", "text_text"), no_pairs()),
            "no query has a right answer",
        ),
        (CHOICES, {"groups": ()}, "for 1 items in 0 groups"),
        (CHOICES, {"item_captions": np.array([[0]])}, "one image and 2 or more captions"),
        (CHOICES, {"item_captions": np.array([[0, 1, 1]])}, "two images and their two captions"),
        (CHOICES, {"item_captions": np.array([0, 1])}, "two images and their two captions"),
        (CHOICES, {"item_captions": np.array([[0, 2]])}, "item_captions points at 2 of 2 captions"),
        (CHOICES, {"item_images": np.array([[0, 2]])}, "item_images points at 2 of 2 images"),
    ],
)
def test_tables_that_do_not_fit_are_refused(whole, changed, said):
    with pytest.raises(DataSetError) as refused:
        dataclasses.replace(whole, **changed)
    assert said in str(refused.value)


def test_one_image_may_have_many_captions_of_which_the_first_is_right():
    assert dataclasses.replace(
        CHOICES, captions=tuple("abcde"), item_images=np.array([[1]]), item_captions=np.array([[0, 1, 2, 3, 4]])
    )


def test_parts_of_other_classes_are_refused():
    other = dataclasses.replace(CLASSES, classes=(("dog",), ("cat",)))
    assert TrainedSet(CLASSES, CLASSES, CLASSES).validation is CLASSES
    with pytest.raises(DataSetError, match="the test part has 2 classes"):
        TrainedSet(CLASSES, other)
    with pytest.raises(DataSetError, match="the validation part has 2 classes"):
        TrainedSet(CLASSES, CLASSES, other)
