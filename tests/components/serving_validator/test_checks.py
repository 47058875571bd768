"""What is said of a candidate's answers, on numbers that a reader can check."""

from __future__ import annotations

import numpy as np
import pytest

from components.serving_validator import checks
from components.serving_validator.findings import Findings

GOOD = {
    "encode_image": (["image_bytes"], ["embedding"]),
    "encode_text": (["text"], ["embedding", "tokens"]),
    "evaluate": (["examples"], ["label"]),
}


def test_a_model_may_have_more_than_it_must():
    assert [*checks.wrong_signatures({**GOOD, "classify": (["x"], ["y"])})] == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"encode_text": (["texts"], ["embedding"])}, "encode_text takes texts and gives embedding; it must take text"),
        ({"encode_image": (["image_bytes"], ["logits"])}, "encode_image takes image_bytes and gives logits"),
        ({"encode_image": (["image_bytes", "px"], ["embedding"])}, "encode_image takes image_bytes, px"),
    ],
)
def test_a_signature_of_another_form_is_told(changed, told):
    (sentence,) = checks.wrong_signatures(GOOD | changed)
    assert told in sentence


def test_a_server_that_says_otherwise_of_a_signature_is_told():
    served = {**GOOD, "encode_text": (["text"], ["embedding"]), "__saved_model_init_op": ([], ["done"])}
    (sentence,) = checks.differing_signatures(served, GOOD)
    assert sentence == (
        "the server says that encode_text takes ['text'] and gives ['embedding'], the model ['text'] and "
        "['embedding', 'tokens']"
    )
    assert len([*checks.differing_signatures({}, GOOD)]) == 3


def test_each_missing_signature_is_told():
    assert len([*checks.wrong_signatures({})]) == 3


@pytest.mark.parametrize(
    ("vectors", "told"),
    [
        ([[1.0, 0.0], [0.6, 0.8]], None),
        ([[1.0009, 0.0], [0.6, 0.8]], None),
        ([[1.0, 0.0], [0.0, 0.0]], "a vector of length 0; it must be 1"),
        ([[1.0, 0.0], [np.inf, 0.0]], "not finite for 1 of 2"),
        ([[1.0, 0.0]], "answers 2 inputs with the shape [1, 2]; it must be [2, D]"),
        ([1.0, 0.0], "the shape [2]"),
    ],
)
def test_vectors_must_be_finite_and_of_unit_length(vectors, told):
    sentences = [*checks.wrong_vectors("encode_text", np.array(vectors, np.float32), 2)]
    assert len(sentences) == (told is not None)
    assert told is None or told in sentences[0]


def test_a_difference_is_the_largest_of_a_number():
    assert checks.difference(np.array([[1.0, 2.0]]), np.array([[1.25, 2.0]])) == 0.25
    assert checks.difference(np.zeros((0, 4)), np.zeros((0, 4))) == 0.0
    assert checks.difference(np.zeros(0), np.zeros((0, 4))) == 0.0
    assert checks.difference(np.zeros((2, 4)), np.zeros((1, 4))) == np.inf


def test_what_is_no_number_differs():
    limit = checks.Limit(1.0, "tolerance, which is")
    assert len([*checks.differing("encode_text", "gRPC", float("nan"), limit)]) == 1
    assert [*checks.differing("encode_text", "gRPC", 1.0, limit)] == []


def test_the_least_cosine_counts():
    vectors, exact = np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert checks.least_cosine(vectors, exact) == pytest.approx(0.6)
    assert checks.least_cosine(np.zeros((0, 2)), np.zeros((0, 2))) == 1.0
    assert checks.least_cosine(vectors, exact[:1]) == -1.0
    assert [*checks.far_from_float32("encode_image", 0.6, 0.6)] == []
    assert len([*checks.far_from_float32("encode_image", float("nan"), 0.6)]) == 1
    # Of two vectors with the cosine .6 no number is further apart than .8 is from 0.
    assert np.abs(vectors - exact).max() <= checks.limit_at(0.6).difference == pytest.approx(np.sqrt(0.8))


def test_latency_counts_where_there_is_a_limit():
    assert [*checks.too_slow("encode_text", "gRPC", 1e9, None)] == []
    assert [*checks.too_slow("encode_text", "gRPC", 5.0, 5.0)] == []
    (sentence,) = checks.too_slow("encode_text", "gRPC", 5.1, 5.0)
    assert sentence == ("encode_text over gRPC takes 5.1 ms (p99), above serving_validation.max_latency_ms, which is 5")


def test_one_reason_refuses():
    assert Findings().to_json()["blessed"] is True
    assert Findings(reasons=["it is late"]).to_json()["blessed"] is False
