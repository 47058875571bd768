"""Our tf.train.Example is TensorFlow's: the same bytes out of the same values, each read by the other."""

from __future__ import annotations

import subprocess
import sys

import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.files.tf_example import Example, serialized

VALUES = st.one_of(
    st.tuples(st.just("bytes_list"), st.lists(st.binary(max_size=300), max_size=5)),
    st.tuples(st.just("float_list"), st.lists(st.floats(width=32, allow_nan=False), max_size=5)),
    st.tuples(st.just("int64_list"), st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5)),
)


def fill(example, features):
    for name, (kind, values) in features.items():
        getattr(example.features.feature[name], kind).value.extend(values)
    return example.SerializeToString(deterministic=True)


@given(st.dictionaries(st.text(max_size=20), VALUES, max_size=6))
def test_the_same_values_give_the_bytes_that_tensorflow_gives(features):
    ours, theirs = fill(Example(), features), fill(tf.train.Example(), features)
    assert ours == theirs
    found = Example.FromString(theirs).features.feature
    assert {name: list(getattr(found[name], kind).value) for name, (kind, _) in features.items()} == {
        name: values for name, (_, values) in features.items()
    }
    assert tf.train.Example.FromString(ours).SerializeToString(deterministic=True) == theirs


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.lists(st.binary(max_size=300), min_size=1, max_size=5)
        | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_written_without_the_message_is_what_the_message_gives(features):
    kinds = {name: "bytes_list" if isinstance(of[0], bytes) else "int64_list" for name, of in features.items()}
    written = serialized(features)
    by_message = fill(Example(), {name: (kinds[name], of) for name, of in features.items()})
    assert Example.FromString(written) == Example.FromString(by_message)
    assert len(written) == len(by_message), "the same entries; protobuf 6 sorts a name before its own beginning"
    assert serialized(dict(reversed(features.items()))) == written


def test_what_is_not_set_and_what_is_not_known_reads_as_with_tensorflow():
    unset = tf.train.Example()
    unset.features.feature["none"].SetInParent()
    (name,) = Example.FromString(unset.SerializeToString()).features.feature
    assert name == "none"
    unknown = unset.SerializeToString() + bytes([5 << 3 | 0, 1])  # field 5, which no version has yet
    assert Example.FromString(unknown).SerializeToString(deterministic=True) == unknown, "it is kept"


def test_it_needs_no_tensorflow():
    script = "import sys, components.files.tf_example, components.files.tfrecords; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
