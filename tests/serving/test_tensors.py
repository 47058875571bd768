"""Tensors survive the way into a message and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tensorflow.core.framework import tensor_pb2

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


WRITTEN = [np.float32, np.float64, np.float16, np.complex64, np.complex128, np.bool_]
WRITTEN += [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]


@pytest.mark.parametrize("dtype", [*WRITTEN, tf.bfloat16.as_numpy_dtype], ids=lambda dtype: np.dtype(dtype).name)
def test_each_dtype_travels_in_the_field_that_tensorflow_reads(dtype):
    array = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
    proto = to_proto(array)
    assert proto.tensor_content == b""
    parsed = tf.io.parse_tensor(proto.SerializeToString(), tf.as_dtype(array.dtype)).numpy()
    np.testing.assert_array_equal(parsed, array)
    back = from_proto(proto)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@st.composite
def short_of_values(draw):
    """A message whose shape may hold more than it states."""
    dtype, field, values = draw(
        st.sampled_from(
            [
                (tf.float32, "float_val", st.floats(width=32, allow_nan=False)),
                (tf.int64, "int64_val", st.integers(-(2**63), 2**63 - 1)),
                (tf.int32, "int_val", st.integers(-(2**31), 2**31 - 1)),
                (tf.bool, "bool_val", st.booleans()),
                (tf.string, "string_val", st.binary(max_size=5)),
            ]
        )
    )
    sizes = draw(st.lists(st.integers(0, 4), max_size=3))
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, tensor_shape=tf.TensorShape(sizes).as_proto())
    getattr(proto, field).extend(draw(st.lists(values, max_size=math.prod(sizes))))
    return proto


@given(short_of_values())
def test_a_message_is_read_as_tensorflow_reads_it(proto):
    expected = tf.io.parse_tensor(proto.SerializeToString(), tf.as_dtype(proto.dtype)).numpy()
    found = from_proto(proto)
    assert found.shape == np.shape(expected)
    np.testing.assert_array_equal(found, np.asarray(expected, found.dtype))


def test_strings_packed_into_the_content_are_read_as_tensorflow_packs_them():
    proto = tensor_pb2.TensorProto(dtype=tf.string.as_datatype_enum, tensor_shape=tf.TensorShape([2]).as_proto())
    proto.tensor_content = b"\x03\x00red"  # the lengths as varints, then the bytes
    assert from_proto(proto).tolist() == [b"red", b""]


def test_a_few_bytes_do_not_become_gigabytes():
    proto = tensor_pb2.TensorProto(dtype=tf.float32.as_datatype_enum, float_val=[1.0])
    proto.tensor_shape.dim.add(size=2**31)
    with pytest.raises(ValueError, match="over 1 values"):
        from_proto(proto)


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


def floats(shape: list[int], **values):
    return tensor_pb2.TensorProto(
        dtype=tf.float32.as_datatype_enum, tensor_shape=tf.TensorShape(shape).as_proto(), **values
    )


@pytest.mark.parametrize(
    "proto",
    [
        floats([2], double_val=[1.0, 2.0]),
        floats([2], float_val=[1.0, 2.0], int_val=[1, 2]),
        floats([0], float_val=[1.0]),
        floats([0], tensor_content=b"\0\0\x80?"),
    ],
)
def test_values_that_tensorflow_would_drop_in_silence_are_refused(proto):
    with pytest.raises(ValueError, match="do not agree"):
        from_proto(proto)


@pytest.mark.parametrize("shape", [[], [1]])
def test_any_byte_but_zero_is_true(shape):
    proto = tensor_pb2.TensorProto(dtype=tf.bool.as_datatype_enum, tensor_shape=tf.TensorShape(shape).as_proto())
    proto.tensor_content = b"\2"
    array = from_proto(proto)
    assert (type(array), array.shape, array.view(np.uint8).item()) == (np.ndarray, tuple(shape), 1)
