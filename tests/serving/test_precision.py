"""Which precision a CPU is fast in, by lines that Linux writes, and which a graph computes in."""

from __future__ import annotations

import pytest
import tensorflow as tf

from serving.precision import precision_for, precision_of


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("fpu avx2 avx512f avx512_bf16 la57", "bfloat16"),  # Cooper Lake, Zen 4
        ("fpu avx2 amx_bf16 amx_tile", "bfloat16"),  # Sapphire Rapids
        ("fpu avx avx2 fma", "float32"),
        ("fpu avx512f avx512_bf16x", "float32"),
        ("", "float32"),
    ],
)
def test_by_its_flags(flags, precision):
    assert precision_for(f"processor\t: 0\nmodel name\t: amx_bf16\nflags\t\t: {flags}\n\nprocessor\t: 1\n") == precision


def test_nothing_known():
    assert precision_for("Features : fp asimd bf16\n") == "float32"


def test_a_graph_is_as_precise_as_its_least_precise_product():
    @tf.function(input_signature=[tf.TensorSpec([2, 2], tf.float32)])
    def half(x):
        return tf.cast(tf.matmul(tf.cast(x, tf.bfloat16), tf.ones([2, 2], tf.bfloat16)), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([2, 2], tf.float32)])
    def calls(x):
        return half(x) + tf.matmul(x, x)

    @tf.function(input_signature=[tf.TensorSpec([2, 2], tf.float32)])
    def stores(x):
        return tf.matmul(x, tf.cast(tf.ones([2, 2], tf.bfloat16), tf.float32))

    graphs = [function.get_concrete_function().graph.as_graph_def() for function in (half, calls, stores)]
    assert [*map(precision_of, graphs)] == ["bfloat16", "bfloat16", "float32"]
