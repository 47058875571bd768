"""JSON values as arrays: whole levels at once give what value by value gives."""

import base64

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from serving.server.refusal import Refusal
from serving.server.rest.arrays import decode_base64, dense_shape, to_array, walk

DTYPES = [tf.float32, tf.float64, tf.int8, tf.int32, tf.int64, tf.uint8, tf.uint32, tf.uint64, tf.bool, tf.string]
LEAVES = (
    st.integers(-(2**63), 2**64 - 1)
    | st.integers(-3, 3)
    | st.floats()
    | st.booleans()
    | st.none()
    | st.text(max_size=3)
    | st.binary(max_size=3).map(lambda raw: {"b64": base64.b64encode(raw).decode()})
    | st.just({"b64": "*"})
    | st.just({})
)


@st.composite
def nested(draw, leaves=LEAVES):
    """Lists of equal lengths of one kind of leaf, now and then with one spoilt."""
    kind = draw(st.sampled_from([st.integers(-3, 3), st.floats(width=32), st.booleans(), st.text(max_size=2), leaves]))
    value = draw(kind)
    for length in draw(st.lists(st.integers(0, 3), max_size=3)):
        value = [draw(kind) if not isinstance(value, list) else value for _ in range(length)]
        if value and draw(st.integers(0, 5)) == 0:
            value[-1] = draw(leaves | st.lists(leaves, max_size=2))
    return value


def slowly(value, dtype):
    """The values of nested lists, one after the other, as Python has them."""
    values = []
    walk(value, 0, dtype, dense_shape(value), values)
    return dense_shape(value), values


def outcome(read, value, dtype):
    try:
        return read(value, dtype)
    except Refusal as refusal:
        return f"{refusal.code}: {refusal.message}"


@given(nested(), st.sampled_from(DTYPES))
def test_whole_levels_give_what_single_values_give(value, dtype):
    expected, found = outcome(slowly, value, dtype), outcome(to_array, value, dtype)
    if isinstance(expected, str):
        assert found == expected
        return
    (shape, values), array = expected, found
    assert array.shape == tuple(shape)
    assert array.dtype == dtype.as_numpy_dtype
    for given_, found in zip(values, array.ravel(), strict=True):
        if dtype == tf.string:
            assert found == given_
        else:
            with np.errstate(over="ignore"):
                wide = np.float64(given_) if dtype.is_floating else np.array(given_)
                np.testing.assert_array_equal(found, wide.astype(dtype.as_numpy_dtype))


def test_floats_are_rounded_once_and_beyond_the_largest_they_are_infinite():
    assert to_array([16777217, 1e39, 0.1], tf.float32).tolist() == [16777216.0, np.inf, np.float32(0.1)]


def test_lists_deeper_than_an_array_can_be_are_refused():
    value = 1
    for _ in range(33):
        value = [value]
    with pytest.raises(Refusal, match="Lists nest 33 deep; at most 32"):
        to_array(value, tf.float32)


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("aGk=", b"hi"),
        ("aGk", b"hi"),
        (" a G\nk = ", b"hi"),
        ("aGk.", b"hi"),
        ("", b""),
        ("YWJj", b"abc"),
        ("YQ==", b"a"),
    ],
)
def test_base64_as_absl_reads_it(text, raw):
    assert decode_base64(text) == raw


@pytest.mark.parametrize("text", ["a", "aGk==", "YQ=", "YWJj=", "aG-_", "aGk=x", "é"])
def test_what_absl_does_not_read_is_refused(text):
    with pytest.raises(Refusal, match="Unable to base64 decode"):
        decode_base64(text)
