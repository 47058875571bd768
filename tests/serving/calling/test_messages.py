"""The messages of our own beside tensorflow-serving-api's: the same bytes, either way."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.apis import predict_pb2

from serving.calling import tensors
from serving.calling.asked import Asked
from serving.calling.messages import PredictRequest, PredictResponse, TensorProto

WHICH = st.one_of(
    st.builds(lambda version: {"version": version, "label": None}, st.integers(0, 2**63 - 1)),
    st.builds(lambda label: {"version": None, "label": label}, st.text(min_size=1)),
    st.just({"version": None, "label": None}),
)


@given(model=st.text(), which=WHICH, signature=st.text(), values=st.lists(st.binary(max_size=9)), output=st.text())
def test_a_request_is_the_one_that_tensorflow_serving_reads(model, which, signature, values, output):
    asked = Asked("h:1", model, timeout_s=1, in_flight=1, **which)
    ours = asked.request(signature, {"image_bytes": tensors.strings(values), "one": tensors.scalar(b"x")}, [output])
    theirs = predict_pb2.PredictRequest(output_filter=[output])
    theirs.model_spec.name, theirs.model_spec.signature_name = model, signature
    if which["version"] is not None:
        theirs.model_spec.version.value = which["version"]
    if which["label"] is not None:
        theirs.model_spec.version_label = which["label"]
    theirs.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(values, tf.string, shape=[len(values)]))
    theirs.inputs["one"].CopyFrom(tf.make_tensor_proto(b"x", tf.string))
    assert predict_pb2.PredictRequest.FromString(ours.SerializeToString()) == theirs
    assert PredictRequest.FromString(theirs.SerializeToString()) == ours


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, bool])
@pytest.mark.parametrize("shape", [(), (0, 4), (1,), (2, 3)])
def test_an_output_is_read_in_the_dtypes_field_and_as_bytes(dtype, shape):
    sent = (np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2).astype(dtype)
    as_bytes = tf.make_tensor_proto(sent)
    in_field = tf.make_tensor_proto(sent.tolist(), sent.dtype, shape=shape)
    for theirs in (as_bytes, in_field):
        response = predict_pb2.PredictResponse()
        response.outputs["embedding"].CopyFrom(theirs)
        response.model_spec.version.value = 3
        read = PredictResponse.FromString(response.SerializeToString())
        assert read.model_spec.version.value == 3
        got = tensors.array(read.outputs["embedding"])
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, sent)


def test_strings_come_out_as_bytes():
    got = tensors.array(TensorProto.FromString(tf.make_tensor_proto([["a", "ž"]]).SerializeToString()))
    assert got.tolist() == [[b"a", "ž".encode()]]


def test_the_last_value_counts_for_all_that_follow():
    proto = TensorProto(dtype=1, float_val=[1, 2])
    proto.tensor_shape.dim.add(size=4)
    assert tensors.array(proto).tolist() == [1, 2, 2, 2]


@pytest.mark.parametrize(
    ("proto", "said"),
    [
        (TensorProto(dtype=8, tensor_shape={}), "dtype 8"),
        (TensorProto(dtype=1, float_val=[1, 2], tensor_shape={}), r"2 values and shape \[\]"),
        (TensorProto(dtype=1, tensor_shape={}), r"0 values and shape \[\]"),
    ],
)
def test_what_is_no_tensor_of_ours_is_told(proto, said):
    with pytest.raises(ValueError, match=said):
        tensors.array(proto)


def test_a_client_imports_no_tensorflow():
    program = (
        "import sys; from serving.client import AlignClient; from serving.async_client import AsyncAlignClient; "
        "AlignClient('127.0.0.1:1').close(); "
        "print([name for name in sys.modules if name.partition('.')[0].startswith('tensorflow')])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
