"""Rows that no similarity can be read from are refused with the row's number."""

import numpy as np
import pytest

from components.evaluator.metrics.unit_rows import ROWS_PER_CHUNK, check_same_width, check_unit_rows

EYE = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_unit_rows_pass_in_any_precision(kind):
    rows = np.random.default_rng(0).normal(size=(40, 640))
    check_unit_rows("rows", (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(kind))
    check_unit_rows("rows", np.zeros((0, 3)))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_named(wrong):
    rows = np.tile(EYE[:1], (ROWS_PER_CHUNK + 7, 1))
    rows[ROWS_PER_CHUNK + 4, 2] = wrong
    with pytest.raises(ValueError, match=f"row {ROWS_PER_CHUNK + 4} of captions holds NaN or infinity"):
        check_unit_rows("captions", rows)


@pytest.mark.parametrize(("length", "told"), [(0.0, "0"), (0.98, "0.98"), (1.02, "1.02"), (20.0, "20")])
def test_a_row_that_is_not_of_unit_length_is_named(length, told):
    with pytest.raises(ValueError, match=f"row 1 of images has the length {told}; divide each row by its length"):
        check_unit_rows("images", EYE * np.array([[1], [length], [1]], np.float32))


@pytest.mark.parametrize("shape", [(3,), (3, 0), (2, 2, 2)])
def test_what_is_no_table_of_rows_is_refused(shape):
    with pytest.raises(ValueError, match="give one row of numbers each"):
        check_unit_rows("images", np.ones(shape))


def test_embeddings_of_two_models_are_refused():
    with pytest.raises(ValueError, match="images has 3 numbers a row and captions 2"):
        check_same_width("images", EYE, "captions", EYE[:, :2])
