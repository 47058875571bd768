"""Outputs as JSON: each number as absl and RapidJSON would write it, each layout as PrettyWriter's."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tensorflow_serving.apis import classification_pb2, regression_pb2

from serving.server.refusal import Refusal
from serving.server.rest import answers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.2, "0.2"),
        (3, "3.0"),
        (-0.0, "-0.0"),
        (9000000, "9e+06"),
        (0.00003, "3e-05"),
        (100000, "100000.0"),
        (1234567, "1234567.0"),
        (1 / 3, "0.333333343"),
        (16777216, "16777216.0"),
        (3.4028235e38, "3.40282347e+38"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_floats_have_six_digits_where_they_give_it_back_and_nine_elsewhere(value, text):
    assert answers.decimals(np.array([value], np.float32)) == [text]


def test_doubles_have_seventeen_digits_where_six_do_not_give_them_back():
    assert answers.decimals(np.array([0.1, 1 / 3, 2.0**53])) == ["0.1", "0.33333333333333331", "9007199254740992.0"]


def one_by_one(value, digits, kind):
    """WriteDecimal of util/json_tensor.cc for one number."""
    if not np.isfinite(value):
        return "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    text = f"{float(value):.6g}"
    with np.errstate(over="ignore"):
        if kind(float(text)) != value:
            text = f"{float(value):.{digits}g}"
    return text if "." in text or "e" in text else f"{text}.0"


@given(arrays.arrays(np.float32, st.integers(0, 9)))
def test_many_floats_are_written_as_one_by_one(array):
    assert answers.decimals(array) == [one_by_one(value, 9, np.float32) for value in array]


@given(arrays.arrays(np.float64, st.integers(0, 9)))
def test_many_doubles_are_written_as_one_by_one(array):
    assert answers.decimals(array) == [one_by_one(value, 17, np.float64) for value in array]


SHAPES = st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple)


@given(SHAPES.flatmap(lambda shape: arrays.arrays(np.float32, shape, elements=st.floats(width=32, allow_nan=False))))
def test_rows_and_columns_read_back_as_the_array(array):
    for text, key in ((answers.columns({"y": array}), "outputs"), (answers.predictions({"y": array}), "predictions")):
        read = np.array(json.loads(text)[key], np.float32)
        np.testing.assert_array_equal(read, array if array.size else np.reshape(array, read.shape))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint32, np.uint64, np.bool_])
def test_whole_numbers_and_booleans(dtype):
    array = np.array([[0, 1]], dtype)
    assert json.loads(answers.predictions({"y": array})) == {"predictions": array.tolist()}


def test_several_outputs_are_objects():
    outputs = {"y": np.array([[2.5, 3]], np.float32), "s_bytes": np.array([b"a\xff"], object)}
    assert answers.predictions(outputs).decode() == (
        '{\n    "predictions": [\n        {\n            "s_bytes": {\n                "b64": "Yf8="\n            },\n'
        '            "y": [2.5, 3.0]\n        }\n    ]\n}'
    )
    assert answers.columns(outputs).decode() == (
        '{\n    "outputs": {\n        "s_bytes": [\n            {\n                "b64": "Yf8="\n            }\n'
        '        ],\n        "y": [\n            [\n                2.5,\n                3.0\n            ]\n'
        "        ]\n    }\n}"
    )


def test_no_rows_and_no_columns():
    assert answers.predictions({"y": np.zeros((0, 2), np.float32)}) == b'{\n    "predictions": []\n}'
    assert answers.columns({"y": np.zeros((0, 2), np.float32)}) == b'{\n    "outputs": []\n}'


def test_a_string_that_is_no_utf8_goes_back_as_it_is():
    assert answers.columns({"y": np.array(b'\xff"\n', object)}) == b'{\n    "outputs": "\xff\\"\\n"\n}'


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({}, "Cannot convert empty tensor map to JSON"),
        ({"y": np.float32(1)}, "Tensor name: y has no shape information "),
        (
            {"a": np.zeros(2, np.float32), "b": np.zeros(1, np.float32)},
            "Tensor name: b has inconsistent batch size: 1 expecting: 2",
        ),
        ({"y": np.zeros(1, np.complex64)}, "Failed to write JSON value for tensor type: complex64"),
        ({"y": np.zeros(1, np.float16)}, "Failed to write JSON value for tensor type: half"),
        ({"y": np.zeros(1, tf.bfloat16.as_numpy_dtype)}, "Failed to write JSON value for tensor type: bfloat16"),
    ],
)
def test_outputs_that_make_no_rows(outputs, message):
    with pytest.raises(Refusal) as error:
        answers.predictions({name: np.asarray(array) for name, array in outputs.items()})
    assert error.value.message == message


def test_classifications_and_regressions():
    result = classification_pb2.ClassificationResult()
    for classes in ([("a", 0.5), ("b", 1 / 3)], []):
        added = result.classifications.add()
        for label, score in classes:
            added.classes.add(label=label, score=score)
    assert answers.classifications(result).decode() == (
        '{\n    "results": [[["a", 0.5], ["b", 0.333333343]], []\n    ]\n}'
    )
    numbers = regression_pb2.RegressionResult(regressions=[regression_pb2.Regression(value=42)])
    assert answers.regressions(numbers) == b'{\n    "results": [42.0]\n}'
    with pytest.raises(Refusal, match="Cannot convert empty ClassificationResults to JSON"):
        answers.classifications(classification_pb2.ClassificationResult())
    with pytest.raises(Refusal, match="Cannot convert empty RegressionResults to JSON"):
        answers.regressions(regression_pb2.RegressionResult())
