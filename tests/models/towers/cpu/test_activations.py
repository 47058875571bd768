"""Activations and their written-out gradients against the definitions in float64 and TensorFlow's own gradients."""

import math

import numpy as np
import pytest
import tensorflow as tf

from models.towers.cpu.activations import gelu, silu, silu_and_mean

NEAR = np.concatenate([np.linspace(-6, 6, 121), [-1e-3, 1e-3, -90, 90]])
EXACT = {
    "silu": (silu, lambda x: x / (1 + math.exp(-x))),
    "gelu": (gelu, lambda x: x * 0.5 * math.erfc(-x / math.sqrt(2))),
}


def differentiate(function, x, cotangents):
    """Returns outputs and the gradient of x, inside a graph as training has it."""

    @tf.function(autograph=False)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = function(x)
        return outputs, tape.gradient(
            outputs, x, output_gradients=cotangents[0] if len(cotangents) == 1 else cotangents
        )

    return run(x)


@pytest.mark.parametrize("name", EXACT)
def test_values_and_slopes_are_those_of_the_definition(name):
    function, exact = EXACT[name]
    h = 1e-5
    slopes = [(exact(x + h) - exact(x - h)) / (2 * h) for x in NEAR]
    cotangent = np.linspace(-2, 2, len(NEAR))
    values, gradient = differentiate(function, tf.constant(NEAR, tf.float32), tf.constant(cotangent, tf.float32))
    np.testing.assert_allclose(values, [exact(x) for x in NEAR], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, cotangent * slopes, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (2, 1, 1, 3), (1, 7, 3, 5)])
def test_silu_and_mean_are_the_two_one_after_the_other(shape):
    def plain(x):
        activated = x * tf.sigmoid(x)
        return activated, tf.reduce_mean(activated, [1, 2], keepdims=True)

    rng = np.random.default_rng(0)
    x, by_activated = (tf.constant(rng.normal(0, 2, shape), tf.float32) for _ in range(2))
    by_mean = tf.constant(rng.normal(size=(shape[0], 1, 1, shape[-1])), tf.float32)
    (activated, means), gradient = differentiate(silu_and_mean, x, (by_activated, by_mean))
    (plain_activated, plain_means), plain_gradient = differentiate(plain, x, (by_activated, by_mean))
    np.testing.assert_allclose(activated, plain_activated, rtol=1e-6)
    np.testing.assert_allclose(means, plain_means, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, plain_gradient, rtol=1e-4, atol=1e-5)


def test_what_reads_one_output_alone_gets_its_gradient():
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 3, 4, 5)), tf.float32)
    _, of_activated = differentiate(lambda x: silu_and_mean(x)[0], x, tf.ones_like(x))
    _, of_mean = differentiate(lambda x: silu_and_mean(x)[1], x, tf.ones((2, 1, 1, 5)))
    _, expected = differentiate(silu, x, tf.ones_like(x))
    np.testing.assert_allclose(of_activated, expected, rtol=1e-6)
    np.testing.assert_allclose(of_mean, expected / 12, rtol=1e-5, atol=1e-7)


def test_sizes_that_are_known_only_when_it_runs():
    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, None, None, 3])])
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            _, means = silu_and_mean(x)
        return tape.gradient(means, x)

    for height, width in ((4, 4), (3, 5)):
        x = tf.constant(np.random.default_rng(0).normal(size=(2, height, width, 3)), tf.float32)
        _, expected = differentiate(silu, x, tf.ones_like(x) / (height * width))
        np.testing.assert_allclose(gradient(x), expected, rtol=1e-5, atol=1e-7)


def test_in_bfloat16_a_mean_of_many_pixels_keeps_its_digits():
    x = tf.constant(np.random.default_rng(0).normal(1, 1, (1, 96, 96, 4)), tf.bfloat16)
    cotangents = tf.ones_like(x), tf.fill((1, 1, 1, 4), tf.cast(9216.0, tf.bfloat16))
    (activated, means), gradient = differentiate(silu_and_mean, x, cotangents)
    assert activated.dtype == means.dtype == gradient.dtype == tf.bfloat16
    exact = np.asarray(x, "float64")
    share = 1 / (1 + np.exp(-exact))
    np.testing.assert_allclose(np.asarray(means, "float64"), (exact * share).mean((1, 2), keepdims=True), rtol=2**-7)
    slope = share * (1 + exact * (1 - share))
    np.testing.assert_allclose(np.asarray(gradient, "float64"), 2 * slope, rtol=2**-6, atol=2**-6)


@pytest.mark.parametrize("function", [silu, gelu])
def test_the_gradient_is_one_compiled_function_and_the_same_bit_for_bit(function):
    def trace():
        @tf.function(autograph=False)
        def gradient(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                outputs = function(x)
            return tape.gradient(outputs, x, output_gradients=x)

        return gradient.get_concrete_function(tf.TensorSpec((64, 33)))

    one, two = trace(), trace()
    calls = [operation for operation in one.graph.get_operations() if operation.type == "PartitionedCall"]
    assert [call.get_attr("_XlaMustCompile") for call in calls] == [True]
    x = tf.constant(np.random.default_rng(0).normal(size=(64, 33)), tf.float32)
    np.testing.assert_array_equal(one(x), two(x))
    np.testing.assert_array_equal(one(x), one(x))


@pytest.mark.parametrize("function", [silu, gelu])
def test_a_whole_step_compiles_with_them_inside(function):
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = function(function(x))
        return tape.gradient(outputs, x)

    x = tf.constant(np.random.default_rng(0).normal(size=(8, 5)), tf.float32)
    whole = tf.function(step, autograph=False, jit_compile=True)(x)
    np.testing.assert_allclose(whole, step(x), rtol=1e-5, atol=1e-6)
