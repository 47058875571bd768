"""Batch norm by sums over rows, and with SiLU in it, against their definitions in float64."""

import numpy as np
import pytest
import tensorflow as tf

from models.towers.batch_norm import BatchNormalization
from models.towers.cpu.activations import silu_and_mean
from models.towers.cpu.normalising import normalise, normalise_and_activate

EPSILON = 1e-3


def definition(x, gamma, beta, by_outputs, by_means, activated):
    """Outputs, their means, and gradients with respect to x, gamma and beta, by TensorFlow's own differentiation."""
    x, gamma, beta = (tf.constant(value, "float64") for value in (x, gamma, beta))
    with tf.GradientTape() as tape:
        tape.watch([x, gamma, beta])
        mean = tf.reduce_mean(x, [0, 1, 2])
        variance = tf.reduce_mean((x - mean) ** 2, [0, 1, 2])
        outputs = (x - mean) * tf.math.rsqrt(variance + EPSILON) * gamma + beta
        if activated:
            outputs = outputs * tf.sigmoid(outputs)
        means = tf.reduce_mean(outputs, [1, 2], keepdims=True)
        loss = tf.reduce_sum(outputs * by_outputs) + tf.reduce_sum(means * by_means)
    return outputs, means, tape.gradient(loss, [x, gamma, beta]), mean, variance


def random_case(shape, seed=0):
    rng = np.random.default_rng(seed)
    channels = shape[-1]
    x = rng.normal(size=shape) * rng.uniform(0.1, 3, channels) + rng.normal(size=channels) * 3
    gamma, beta = rng.uniform(0.5, 1.5, channels), rng.normal(size=channels)
    by_outputs, by_means = rng.normal(size=shape), rng.normal(size=(shape[0], 1, 1, channels))
    return tuple(value.astype("float32") for value in (x, gamma, beta, by_outputs, by_means))


def built(shape, gamma, beta, **how):
    norm = BatchNormalization(epsilon=EPSILON, momentum=0.9, **how)
    norm.build(shape)
    norm.gamma.assign(gamma)
    norm.beta.assign(beta)
    return norm


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (4, 8, 8, 24), (3, 4, 4, 32), (1, 1, 1, 5), (1, 2, 2, 16)])
def test_activations_means_and_gradients_are_those_of_the_definition(shape):
    x, gamma, beta, by_outputs, by_means = random_case(shape)
    norm = built(shape, gamma, beta)
    images = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs, means = normalise_and_activate(norm, images, training=True)
    weights = [images, norm.gamma.value, norm.beta.value]
    found = tape.gradient([outputs, means], weights, [tf.constant(by_outputs), tf.constant(by_means)])
    expected = definition(x, gamma, beta, by_outputs, by_means, activated=True)
    np.testing.assert_allclose(outputs, expected[0], rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(means, expected[1], rtol=2e-4, atol=2e-4)
    for own, exact in zip(found, expected[2], strict=True):
        np.testing.assert_allclose(own, exact, rtol=1e-3, atol=2e-4 * float(tf.reduce_max(tf.abs(exact))) + 1e-5)
    np.testing.assert_allclose(norm.moving_mean, 0.1 * expected[3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, 0.9 + 0.1 * expected[4], rtol=1e-4)


@pytest.mark.parametrize("channels", [5, 24, 40])
def test_batch_norm_of_odd_channels_is_that_of_the_definition(channels):
    shape = (4, 6, 5, channels)
    x, gamma, beta, by_outputs, by_means = random_case(shape, seed=1)
    norm = built(shape, gamma, beta)
    images = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = normalise(norm, images, training=True)
    found = tape.gradient(outputs, [images, norm.gamma.value, norm.beta.value], tf.constant(by_outputs))
    expected = definition(x, gamma, beta, by_outputs, 0 * by_means, activated=False)
    np.testing.assert_allclose(outputs, expected[0], rtol=1e-4, atol=1e-4)
    for own, exact in zip(found, expected[2], strict=True):
        np.testing.assert_allclose(own, exact, rtol=1e-3, atol=1e-4 * float(tf.reduce_max(tf.abs(exact))))
    np.testing.assert_allclose(norm.moving_variance, 0.9 + 0.1 * expected[4], rtol=1e-4)


@pytest.mark.parametrize("how", [{"group": 2}, {"synchronized": True}])
def test_groups_and_synchronized_statistics_are_left_to_the_norm(how):
    shape = (4, 3, 3, 8)
    x, gamma, beta, *_ = random_case(shape, seed=2)
    outputs, means = normalise_and_activate(built(shape, gamma, beta, **how), tf.constant(x), training=True)
    expected, expected_means = silu_and_mean(built(shape, gamma, beta, **how)(x, training=True))
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(means, expected_means, rtol=1e-5, atol=1e-6)


def test_inference_uses_the_moving_statistics_and_leaves_them():
    shape = (2, 3, 3, 8)
    x, gamma, beta, *_ = random_case(shape, seed=3)
    norm = built(shape, gamma, beta)
    norm.moving_mean.assign(np.full(8, 2.0))
    norm.moving_variance.assign(np.full(8, 4.0))
    outputs, _ = normalise_and_activate(norm, tf.constant(x), training=False)
    z = (x - 2) / np.sqrt(4 + EPSILON) * gamma + beta
    np.testing.assert_allclose(outputs, z / (1 + np.exp(-z)), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(norm.moving_mean, np.full(8, 2.0))


def test_bfloat16_comes_near_float32():
    shape = (4, 6, 6, 24)
    x, gamma, beta, *_ = random_case(shape, seed=4)
    norm = built(shape, gamma, beta, dtype="mixed_bfloat16")
    outputs, means = normalise_and_activate(norm, tf.constant(x, tf.bfloat16), training=True)
    assert outputs.dtype == means.dtype == tf.bfloat16
    expected, _ = normalise_and_activate(built(shape, gamma, beta), tf.constant(x), training=True)
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, rtol=0.05, atol=0.05)


def test_a_constant_channel_is_shifted_to_beta():
    x = np.full((2, 3, 3, 5), 1000.0, "float32")
    norm = built(x.shape, np.ones(5), np.full(5, 0.5))
    np.testing.assert_allclose(normalise(norm, tf.constant(x), training=True), np.full(x.shape, 0.5), atol=2e-2)


@pytest.mark.parametrize("channels", [3, 16])
def test_the_fused_kernel_is_what_trains_where_it_is_fast(channels):
    norm = built((2, 4, 4, channels), np.ones(channels), np.zeros(channels))
    images = tf.TensorSpec((2, 4, 4, channels))
    graph = tf.function(lambda x: normalise(norm, x, training=True)).get_concrete_function(images).graph
    assert ("FusedBatchNormV3" in {operation.type for operation in graph.get_operations()}) == (channels == 16)
