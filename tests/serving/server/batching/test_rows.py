"""Which signatures share batches, and that what was joined is parted again."""

from __future__ import annotations

import numpy as np
import pytest
from signature_defs import signature_def

from serving.server.batching.rows import have_rows, join, part, rows_of, shape_of, shares_rows

ENCODE = signature_def({"x": [-1, 2]}, {"y": [-1, 4]})


@pytest.mark.parametrize(
    ("inputs", "outputs", "shares"),
    [
        ({"text": [-1]}, {"embedding": [-1, 4]}, True),
        ({"a": [-1], "b": [-1, 3]}, {"y": [-1], "z": [-1, 2]}, True),
        ({"tokens": [-1, -1]}, {"embedding": [-1, 4]}, True),
        ({"images": [-1], "text": [-1]}, {"cosine": [-1, -1]}, False),  # each with each
        ({"examples": [-1]}, {"captions": [-1, -1, 4]}, False),  # padded to the longest of the batch
        ({"x": [1]}, {"y": [-1]}, False),
        ({"x": [-1]}, {"y": [1]}, False),
        ({"x": [-1]}, {"y": []}, False),
        ({"x": []}, {"y": [-1]}, False),
        ({"x": None}, {"y": [-1]}, False),
        ({"x": [-1]}, {"y": None}, False),
        ({}, {"y": [-1]}, False),
    ],
)
def test_a_signature_shares_rows_where_its_shapes_say_so(inputs, outputs, shares):
    assert shares_rows(signature_def(inputs, outputs)) is shares


@pytest.mark.parametrize(
    ("shape", "rows"), [((3, 2), 3), ((0, 2), 0), ((3, 1), None), ((3,), None), ((), None), ((1, 3, 2), None)]
)
def test_rows_of_a_request_that_fits(shape, rows):
    assert rows_of({"x": np.zeros(shape)}, ENCODE) == rows


def test_inputs_of_different_lengths_fit_no_batch():
    two = signature_def({"a": [-1], "b": [-1]}, {"y": [-1]})
    assert rows_of({"a": np.zeros(2), "b": np.zeros(3)}, two) is None
    assert rows_of({"a": np.zeros(2), "b": np.zeros(2)}, two) == 2


def test_what_is_joined_is_parted_again():
    a, b, c = ({"x": np.array(rows, np.int64), "s": np.array(rows, np.int64).astype("S")} for rows in ([1, 2], [], [3]))
    joined = join([a, b, c], padding=2)
    assert joined["x"].tolist() == [1, 2, 3, 1, 1]
    assert [own["x"].tolist() for own in part(joined, [2, 0, 1])] == [[1, 2], [], [3]]
    assert [own["s"].tolist() for own in part(joined, [2, 0, 1])] == [[b"1", b"2"], [], [b"3"]]


def test_requests_of_one_batch_have_rows_of_one_shape_and_dtype():
    assert shape_of({"x": np.zeros((1, 2))}) == shape_of({"x": np.zeros((5, 2))})
    assert shape_of({"x": np.zeros((1, 2))}) != shape_of({"x": np.zeros((1, 3))})
    assert shape_of({"x": np.zeros((1, 2))}) != shape_of({"x": np.zeros((1, 2), np.float32)})


def test_outputs_have_a_row_for_each_row():
    assert have_rows([np.zeros((3, 2)), np.zeros(3)], 3)
    assert not have_rows([np.zeros((3, 2)), np.zeros(2)], 3)
    assert not have_rows([np.zeros(())], 1)
