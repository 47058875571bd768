"""A composed query is the formula, and its shares add up to the cosine."""

from __future__ import annotations

import math

import numpy as np
import pytest

from serving.search.terms import Term, compose


def test_the_query_is_the_formula_by_hand():
    image, text = np.array([3.0, 0.0, 0.0]), np.array([0.0, 0.5, 0.0])
    factors = [Term(image=b"i").factor, Term(text="t").factor]
    assert factors == [1, 2]  # ALIGN: text 2 : image 1
    composed = compose([image, text], factors)
    np.testing.assert_allclose(composed.query, np.array([1, 2, 0]) / math.sqrt(5), rtol=1e-6)
    minus = compose([image, text], [Term(image=b"i", weight=3).factor, Term(text="t", sign=-1).factor])
    np.testing.assert_allclose(minus.query, np.array([3, -2, 0]) / math.sqrt(13), rtol=1e-6)


def test_shares_add_up_to_the_cosine_and_are_what_each_term_gave():
    composed = compose([np.array([1.0, 0.0]), np.array([0.0, 1.0])], [1, -2])
    shares = composed.shares(np.array([[0.6, 0.8], [0.0, -4.0]], np.float16))
    length = math.sqrt(5)
    np.testing.assert_allclose(shares, [[0.6 / length, -1.6 / length], [0, 2 / length]], atol=1e-3)
    generator = np.random.default_rng(3)
    several = compose(generator.normal(size=(5, 16)), [1, -2, 0.5, 3, 0])
    images = generator.normal(size=(40, 16))
    cosines = images @ several.query / np.linalg.norm(images, axis=1)
    np.testing.assert_allclose(several.shares(images).sum(axis=1), cosines, atol=1e-6)


@pytest.mark.parametrize(
    ("vectors", "factors", "said"),
    [
        ([], [], "the query is empty"),
        ([[1, 0], [2, 0]], [1, -1], "cancel each other"),
        ([[1, 0], [1, 2e-4]], [2, -2], "cancel each other"),  # what fp16 rounds off is no direction
        ([[1, 0]], [0], "every term of the query has weight 0"),
        ([[0, 0]], [1], "zero or not finite"),
        ([[math.inf, 0]], [1], "zero or not finite"),
    ],
)
def test_what_has_no_direction_is_refused(vectors, factors, said):
    with pytest.raises(ValueError, match=said):
        compose(np.array(vectors, np.float32), factors)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "this one has none of them"),
        ({"text": "a", "id": "b"}, "this one has text and id"),
        ({"text": " \n"}, "a text of the query is empty"),
        ({"text": "a" * 10_001}, "10001 characters; 10000 are the most"),
        ({"text": "a", "weight": -1}, "weight -1; give a number from 0"),
        ({"text": "a", "weight": math.nan}, "weight nan"),
        ({"text": "a", "weight": math.inf}, "weight inf"),
        ({"text": "a", "sign": 0}, "sign 0; 1 adds it"),
    ],
)
def test_a_term_that_is_none_is_refused(given, said):
    with pytest.raises(ValueError, match=said):
        Term(**given)
