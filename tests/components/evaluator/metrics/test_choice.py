"""Compositional choice: angles to check by hand, a slow oracle, guessing and ties."""

import math

import numpy as np
import pytest

from components.evaluator.metrics.choice import choice_chances, choice_values


def at(*degrees) -> np.ndarray:
    return np.array([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], np.float32)


def unit(rows) -> np.ndarray:
    array = np.asarray(rows, np.float32)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def scores(images, captions) -> dict[str, list[float]]:
    return {name: values.tolist() for name, values in choice_values(np.stack(images), np.stack(captions)).items()}


def test_items_to_check_by_hand():
    images = [at(0, 90)] * 4
    captions = [at(10, 80), at(80, 10), at(50, 70), at(10, 40)]
    assert scores(images, captions) == {
        "text_score": [1, 0, 1, 1],  # third: image 0 is 50 and 70 from the captions, image 1 is 40 and 20
        "image_score": [1, 0, 0, 0],  # third: caption 0 at 50 is nearer to image 1; fourth: caption 1 at 40 to image 0
        "group_score": [1, 0, 0, 0],
    }


def test_a_tie_is_no_choice():
    same = at(20, 20)
    assert scores([at(0, 90)], [same]) == {"text_score": [0], "image_score": [0], "group_score": [0]}
    assert scores([same], [at(0, 90)]) == {"text_score": [0], "image_score": [0], "group_score": [0]}
    assert scores([at(0)], [at(30, -30)]) == {"text_score": [0]}


def test_one_image_is_asked_for_its_caption_among_any_number():
    assert scores([at(0)] * 3, [at(5, 10, 20), at(15, 10, 20), at(25, 10, 20)]) == {"text_score": [1, 0, 0]}


def test_equals_the_published_inequalities_item_by_item():
    rng = np.random.default_rng(0)
    images, captions = unit(rng.normal(size=(50, 2, 8))), unit(rng.normal(size=(50, 2, 8)))
    found = choice_values(images, captions)
    for item, (i, c) in enumerate(zip(images, captions, strict=True)):
        text = c[0] @ i[0] > c[1] @ i[0] and c[1] @ i[1] > c[0] @ i[1]
        image = c[0] @ i[0] > c[0] @ i[1] and c[1] @ i[1] > c[1] @ i[0]
        assert (found["text_score"][item], found["image_score"][item]) == (text, image)
        assert found["group_score"][item] == (text and image)


@pytest.mark.parametrize(("images", "captions"), [(2, 2), (1, 2), (1, 5)])
def test_chance_is_what_drawing_scores_gets(images, captions):
    rng = np.random.default_rng(1)
    found = choice_values(unit(rng.normal(size=(4000, images, 64))), unit(rng.normal(size=(4000, captions, 64))))
    chances = choice_chances(images, captions)
    assert {name: values.mean() for name, values in found.items()} == pytest.approx(chances, abs=0.03)


@pytest.mark.parametrize(
    ("images", "captions", "sentence"),
    [
        ((3, 2, 4), (3, 3, 4), "two images and their two captions"),
        ((3, 1, 4), (3, 1, 4), "2 or more captions"),
        ((3, 1, 4), (2, 2, 4), r"shapes \(3, 1, 4\) and \(2, 2, 4\)"),
        ((3, 1, 4), (3, 2, 5), "shapes"),
    ],
)
def test_shapes_that_ask_nothing_are_refused(images, captions, sentence):
    with pytest.raises(ValueError, match=sentence):
        choice_values(unit(np.ones(images)), unit(np.ones(captions)))


def test_rows_without_a_direction_are_refused():
    images, captions = np.stack([at(0)]), np.stack([at(1, 2)])
    with pytest.raises(ValueError, match="row 0 of image_embedding has the length 2"):
        choice_values(images * 2, captions)
    with pytest.raises(ValueError, match="row 0 of caption_embedding holds NaN"):
        choice_values(images, captions * np.nan)
