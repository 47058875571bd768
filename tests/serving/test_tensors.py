"""Tensors survive the way into a message and back."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serving.tensors import from_proto, to_proto

DTYPES = [np.float32, np.float64, np.float16, np.int32, np.int64, np.uint8, np.bool_]


@settings(deadline=None)
@given(
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    )
)
def test_numbers_come_back_as_they_went(array):
    back = from_proto(to_proto(array))
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=8), max_size=6))
def test_bytes_come_back_as_they_went(values):
    array = np.array(values, dtype=object)
    assert from_proto(to_proto(array)).tolist() == values


@settings(deadline=None)
@given(st.lists(st.binary(max_size=8), max_size=6))
def test_messages_made_by_tensorflow_are_read(values):
    proto = tf.make_tensor_proto(values, dtype=tf.string, shape=[len(values)])
    assert from_proto(proto).tolist() == values


def test_floats_travel_in_their_own_field():
    proto = to_proto(np.array([[1.5, 2.5]], np.float32))
    assert list(proto.float_val) == [1.5, 2.5]
    assert proto.tensor_content == b""


@pytest.mark.parametrize(
    "spoil",
    [
        lambda proto: setattr(proto, "tensor_content", b"123"),
        lambda proto: setattr(proto, "dtype", 0),
        lambda proto: setattr(proto, "dtype", 9999),
        lambda proto: setattr(proto.tensor_shape, "unknown_rank", True),
        lambda proto: setattr(proto.tensor_shape.dim[0], "size", -1),
        lambda proto: setattr(proto.tensor_shape.dim[0], "size", 2**62),
        lambda proto: proto.float_val.extend([1.0, 2.0]),
    ],
)
def test_a_message_that_is_no_tensor_is_a_value_error(spoil):
    proto = to_proto(np.array([1.0, 2.0, 3.0], np.float32))
    spoil(proto)
    with pytest.raises(ValueError, match=r"shape|dtype"):
        from_proto(proto)
