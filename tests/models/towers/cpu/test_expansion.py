"""The expansion against float64 and against Keras's convolution and batch norm, one after the other."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.towers.batch_norm import BatchNormalization
from models.towers.cpu.expansion import expand
from models.towers.cpu.normalising import convolve_and_normalise

EPSILON = 1e-3


class Expansion(keras.layers.Layer):
    """The two layers as a block has them, in one."""

    def __init__(self, convolution, norm, **kwargs):
        super().__init__(**kwargs)
        self.convolution, self.norm = convolution, norm

    def build(self, input_shape):
        self.convolution.build(input_shape)
        self.norm.build(self.convolution.compute_output_shape(input_shape))

    def call(self, inputs, training=None):
        return convolve_and_normalise(self.convolution, self.norm, inputs, training)


def expansion(width_in, width, dtype="float32", **norm):
    """Returns a layer whose weights are all uneven."""
    convolution = keras.layers.Conv2D(width, 1, use_bias=False, dtype=dtype, name="conv")
    norm = BatchNormalization(momentum=0.9, epsilon=EPSILON, dtype=dtype, name="bn", **norm)
    layer = Expansion(convolution, norm, dtype=dtype)
    layer.build((None, None, None, width_in))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.uniform(0.5, 1.5, w.shape) * rng.choice([-1, 1], w.shape[-1]) for w in layer.weights])
    for weight in (norm.moving_variance, norm.gamma):
        weight.assign(np.abs(weight))
    return layer


def two_layers(layer):
    """Returns Keras's own convolution and batch norm, with copies of the layer's weights."""
    kernel = layer.convolution.kernel
    norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=EPSILON, synchronized=layer.norm.synchronized)
    plain = keras.Sequential([keras.layers.Conv2D(kernel.shape[-1], 1, use_bias=False), norm])
    plain.build((None, None, None, kernel.shape[-2]))
    plain.layers[0].set_weights([kernel])
    norm.set_weights(layer.norm.get_weights())
    return plain


def run(layer, x, cotangent, training=True):
    """Returns outputs, gradients of the input, kernel, gamma and beta, and the moving statistics afterwards."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x, training=training)
    parameters = [weight.value for weight in layer.trainable_weights]
    gradients = tape.gradient(outputs, [x, *parameters], output_gradients=cotangent)
    return [outputs, *gradients, *(weight.value for weight in layer.non_trainable_weights)]


def draw(*shape, mean=0.0, dtype=tf.float32, seed=1):
    return tf.constant(np.random.default_rng(seed).normal(mean, 1, shape), dtype)


def assert_close(found, expected, share=1e-5):
    """Compare to a share of each expected array's greatest number, or of 1."""
    for one, two in zip(found, expected, strict=True):
        one, two = np.asarray(one, "float64"), np.asarray(two, "float64")
        assert one.shape == two.shape
        np.testing.assert_allclose(one, two, rtol=0, atol=share * max(np.abs(two).max(), 1))


def exact(x, kernel, gamma, beta, by_outputs):
    """Returns what the two layers do in float64, and all gradients by the chain rule, a step at a time."""
    x, kernel, gamma, beta, by_outputs = (np.asarray(a, "float64") for a in (x, kernel, gamma, beta, by_outputs))
    product = x @ kernel
    mean, variance = product.mean(0), product.var(0)
    deviation = np.sqrt(variance + EPSILON)
    normal = (product - mean) / deviation
    by_normal = by_outputs * gamma
    by_product = (by_normal - by_normal.mean(0) - normal * (by_normal * normal).mean(0)) / deviation
    gradients = by_product @ kernel.T, x.T @ by_product, (by_outputs * normal).sum(0), by_outputs.sum(0)
    return [normal * gamma + beta, mean, variance, *gradients]


def expanded(x, kernel, gamma, beta, by_outputs):
    with tf.GradientTape() as tape:
        tape.watch([x, kernel, gamma, beta])
        outputs, mean, variance = expand(x, kernel, gamma, beta, epsilon=EPSILON)
    return [outputs, mean, variance, *tape.gradient(outputs, [x, kernel, gamma, beta], output_gradients=by_outputs)]


def cancelled(x, kernel):
    """Returns how many times the terms of a column's variance exceed their sum, at most: digits that no order keeps."""
    x, kernel = np.asarray(x, "float64"), np.asarray(kernel, "float64")
    covariance = np.cov(x, rowvar=False, bias=True).reshape(x.shape[1], -1)
    terms = (np.abs(kernel) * (np.abs(covariance) @ np.abs(kernel))).sum(0)
    return (terms / ((x @ kernel).var(0) + EPSILON)).max()


@settings(max_examples=40)
@given(
    rows=st.integers(2, 300),
    width_in=st.integers(1, 11),
    width=st.integers(1, 13),
    mean=st.sampled_from([0.0, 0.5, 3.0]),
    seed=st.integers(0, 9),
)
def test_rows_are_expanded_as_in_float64(rows, width_in, width, mean, seed):
    """To 2e-5, or to a few roundings of what cancels: much on two rows that are nearly one, once multiplied."""
    sizes = (rows, width_in), (width_in, width), (width,), (width,), (rows, width)
    values = [draw(*size, mean=mean if i == 0 else 0, seed=[seed, i]) for i, size in enumerate(sizes)]
    share = max(2e-5, 4e-6 * cancelled(*values[:2]))
    assert_close(expanded(*values), exact(*values), share)


@pytest.mark.parametrize("ratio", [1, 10, 100, 1000, 10000])
def test_large_means_cost_no_digits(ratio):
    """Means of `ratio` deviations in every channel: E[x^2] - E[x]^2 of rows as they are loses all at 1000."""
    sizes = (4096, 24), (24, 48), (48,), (48,), (4096, 48)
    x, *others = [draw(*size, seed=[ratio, i]) for i, size in enumerate(sizes)]
    signs = tf.sign(draw(24, seed=5))
    values = [x + ratio * signs, *others]  # rounds x, for the oracle too
    assert_close(expanded(*values), exact(*values))


def test_a_column_that_cancels_what_varies_stays_finite():
    """Rows all along one direction, a million times as large as they vary across it, and a kernel across."""
    along = draw(512, 1) * 1e3 * tf.constant([[1.0, 1.0, 0.0]])
    x = along + 1e-3 * draw(512, 3, seed=2)
    kernel = tf.constant([[1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]])
    found = expanded(x, kernel, tf.ones(2), tf.zeros(2), draw(512, 2, seed=3))
    assert all(np.isfinite(part).all() for part in found)
    assert (np.asarray(found[2]) >= 0).all()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (1, 7, 7, 4), (3, 1, 1, 2)])
def test_equals_the_two_layers(shape, training):
    layer = expansion(shape[-1], 10)
    plain = two_layers(layer)
    x, cotangent = draw(*shape, mean=2), draw(*shape[:-1], 10, seed=2)
    assert_close(run(layer, x, cotangent, training), run(plain, x, cotangent, training), share=2e-5)


def test_training_moves_the_statistics_and_inference_does_not():
    layer = expansion(3, 5)
    x = draw(4, 5, 6, 3, mean=2)
    before = layer.norm.get_weights()[2:]
    layer(x, training=False)
    np.testing.assert_array_equal(before, layer.norm.get_weights()[2:])
    layer(x, training=True)
    product = np.asarray(x, "float64").reshape(-1, 3) @ np.asarray(layer.convolution.kernel, "float64")[0, 0]
    expected = [0.9 * old + 0.1 * new for old, new in zip(before, (product.mean(0), product.var(0)), strict=True)]
    np.testing.assert_allclose(layer.norm.get_weights()[2:], expected, rtol=1e-5)


def test_a_frozen_layer_uses_and_keeps_its_moving_statistics():
    layer = expansion(3, 5)
    layer.trainable = False
    before = layer.get_weights()
    x = draw(4, 5, 6, 3)
    np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_groups_are_normalised_each_by_itself():
    grouped = expansion(3, 5, group=2)
    x, cotangent = draw(6, 4, 5, 3), draw(6, 4, 5, 5, seed=2)
    found = run(grouped, x, cotangent)
    apart = [run(expansion(3, 5), x[i : i + 2], cotangent[i : i + 2]) for i in (0, 2, 4)]
    outputs, by_x, by_kernel, by_gamma, by_beta, mean, variance = zip(*apart, strict=True)
    expected = [tf.concat(outputs, 0), tf.concat(by_x, 0), sum(by_kernel), sum(by_gamma), sum(by_beta)]
    assert_close(found, [*expected, np.mean(mean, axis=0), np.mean(variance, axis=0)], share=2e-5)


def test_synchronized_statistics_are_keras_own():
    layer = expansion(3, 5, synchronized=True)
    plain = two_layers(layer)
    x, cotangent = draw(4, 4, 5, 3), draw(4, 4, 5, 5, seed=2)
    assert_close(run(layer, x, cotangent), run(plain, x, cotangent))


def test_no_pass_over_the_wide_tensor_is_left():
    """Of all operations only one product makes a tensor of [N, O]; views aside, and what the test puts in."""
    layer = expansion(3, 8)
    specs = tf.TensorSpec((4, 6, 6, 3)), tf.TensorSpec((4, 6, 6, 8))
    graph = tf.function(lambda x, cotangent: run(layer, x, cotangent), autograph=False).get_concrete_function(*specs)
    wide = [op.type for op in graph.graph.get_operations() if any(out.shape == (4 * 6 * 6, 8) for out in op.outputs)]
    assert [name for name in wide if name not in ("Reshape", "Identity", "IdentityN")] == ["MatMul"]


def test_in_bfloat16_outputs_are_near_and_statistics_float32():
    whole, half = expansion(16, 24), expansion(16, 24, dtype="mixed_bfloat16")
    x, cotangent = draw(8, 6, 6, 16, mean=1, dtype=tf.bfloat16), draw(8, 6, 6, 24, seed=2, dtype=tf.bfloat16)
    found = run(half, x, cotangent)
    assert [part.dtype.name for part in found] == ["bfloat16"] * 2 + ["float32"] * 5
    expected = run(two_layers(whole), tf.cast(x, tf.float32), tf.cast(cotangent, tf.float32))
    assert_close(found, expected, share=2**-5)
    assert_close(found[-2:], expected[-2:], share=2**-8)


def test_sizes_that_are_known_only_when_it_runs():
    layer = expansion(3, 5)
    plain = two_layers(layer)
    assert layer(keras.Input((None, None, 3))).shape == (None, None, None, 5)
    spec = tf.TensorSpec([None, None, None, 3])
    graph = tf.function(lambda x: run(layer, x, tf.ones_like(x[..., :1]) * tf.ones(5)), input_signature=[spec])
    for size in ((2, 4, 4), (1, 3, 5)):
        assert_close(graph(draw(*size, 3)), run(plain, draw(*size, 3), tf.ones((*size, 5))), share=2e-5)


def test_a_whole_step_compiles_with_it_inside():
    x, cotangent = draw(4, 5, 5, 3, mean=2), draw(4, 5, 5, 7, seed=2)
    found = [
        tf.function(lambda layer=layer: run(layer, x, cotangent), autograph=False, jit_compile=compiled)()
        for layer, compiled in ((expansion(3, 7), True), (expansion(3, 7), False))
    ]
    assert_close(*found)
