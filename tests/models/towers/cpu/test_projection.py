"""The gated projection against weighing the input and then convolving it, and convolutions of one pixel."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.towers.cpu.projection import convolve_pixels, weigh_and_project


class Projection(keras.layers.Conv2D):
    """The convolution as a block has it, with the gate inside."""

    def call(self, x, gate):
        return weigh_and_project(x, gate, self.kernel)


def projection(width_in, width, dtype="float32"):
    layer = Projection(width, 1, use_bias=False, kernel_initializer="he_normal", dtype=dtype)
    layer.build((None, None, None, width_in))
    return layer


def draw(*shape, dtype=tf.float32, seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape), dtype)


def run(layer, x, gate):
    """Returns outputs, and gradients of input, gate and kernel by an uneven cotangent."""
    with tf.GradientTape() as tape:
        tape.watch([x, gate])
        outputs = layer(x, gate)
    cotangent = draw(*outputs.shape, dtype=outputs.dtype, seed=1)
    return [outputs, *tape.gradient(outputs, [x, gate, layer.kernel.value], output_gradients=cotangent)]


def oracle(layer, x, gate):
    """The same in float64, a step at a time."""
    x, gate = (np.asarray(a, "float64") for a in (x, gate))
    kernel = np.asarray(layer.kernel, "float64")[0, 0]
    cotangent = np.asarray(draw(*x.shape[:-1], kernel.shape[1], seed=1), "float64")
    weighed = x * gate
    by_weighed = cotangent @ kernel.T
    by_kernel = np.einsum("bhwi,bhwo->io", weighed, cotangent)
    return [weighed @ kernel, by_weighed * gate, (by_weighed * x).sum((1, 2), keepdims=True), by_kernel[None, None]]


def assert_close(found, expected, share=1e-5):
    for one, two in zip(found, expected, strict=True):
        one, two = np.asarray(one, "float64"), np.asarray(two, "float64")
        assert one.shape == two.shape
        np.testing.assert_allclose(one, two, rtol=0, atol=share * max(np.abs(two).max(), 1))


@settings(max_examples=40)
@given(
    batch=st.integers(1, 3),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    channels=st.integers(1, 13),
    outputs=st.sampled_from([1, 4, 7, 16, 40]),  # more and fewer than the places, 1 to 36
)
def test_equals_weighing_and_then_convolving(batch, height, width, channels, outputs):
    layer = projection(channels, outputs)
    x, gate = draw(batch, height, width, channels), draw(batch, 1, 1, channels, seed=2)
    assert_close(run(layer, x, gate), oracle(layer, x, gate))


def kernels_of(layer, height, width):
    """Returns the types of what a trace of the layer on images of a size does."""
    specs = tf.TensorSpec((2, height, width, 6)), tf.TensorSpec((2, 1, 1, 6))
    graph = tf.function(lambda x, gate: layer(x, gate), autograph=False).get_concrete_function(*specs).graph
    return {operation.type for operation in graph.get_operations()}


def test_the_smaller_of_kernel_and_input_is_weighed():
    layer = projection(6, 12)
    assert "BatchMatMulV2" in kernels_of(layer, 4, 4)  # 16 places, 12 channels out
    assert "Conv2D" not in kernels_of(layer, 4, 4)
    assert "Conv2D" in kernels_of(layer, 3, 4)  # 12 places
    assert "BatchMatMulV2" not in kernels_of(layer, 3, 4)


@pytest.mark.parametrize("size", [(None, None), (5, None), (None, 5), (5, 5)])
def test_sizes_that_are_known_only_when_it_runs(size):
    layer = projection(6, 4)
    specs = [tf.TensorSpec([None, *size, 6]), tf.TensorSpec([None, 1, 1, 6])]
    graph = tf.function(lambda x, gate: layer(x, gate), input_signature=specs, autograph=False)
    x, gate = draw(3, 5, 5, 6), draw(3, 1, 1, 6, seed=2)
    assert_close([graph(x, gate)], oracle(layer, x, gate)[:1])


@pytest.mark.parametrize("outputs", [4, 40])
def test_in_bfloat16_outputs_are_near_and_the_kernel_float32(outputs):
    half = projection(12, outputs, "mixed_bfloat16")
    x, gate = draw(2, 5, 5, 12, dtype=tf.bfloat16), draw(2, 1, 1, 12, dtype=tf.bfloat16, seed=2)
    found = run(half, x, gate)
    assert [part.dtype.name for part in found] == ["bfloat16"] * 3 + ["float32"]
    assert_close(found, oracle(half, x, gate), share=2**-6)


@pytest.mark.parametrize("outputs", [4, 40])
def test_a_whole_step_compiles_with_it_inside(outputs):
    layer = projection(6, outputs)
    x, gate = draw(2, 5, 5, 6), draw(2, 1, 1, 6, seed=2)
    compiled = tf.function(lambda: run(layer, x, gate), autograph=False, jit_compile=True)
    assert_close(compiled(), oracle(layer, x, gate))


@pytest.mark.parametrize("activation", ["silu", "sigmoid"])
def test_a_pixels_convolution_is_keras_own(activation):
    x = np.random.default_rng(0).normal(size=(6, 1, 1, 20)).astype("float32")
    layer = keras.layers.Conv2D(7, 1, activation=activation)
    layer.build(x.shape)
    layer.bias.assign(np.arange(7))
    answers = []
    for function in (lambda x: convolve_pixels(layer, x), layer):
        with tf.GradientTape() as tape:
            outputs = function(tf.constant(x))
        answers.append([outputs, *tape.gradient(outputs, [weight.value for weight in layer.weights])])
    for found, expected in zip(*answers, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
