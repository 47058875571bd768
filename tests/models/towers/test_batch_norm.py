"""The fused layer against Keras's own: outputs, gradients, moving statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from models.towers.batch_norm import BatchNormalization


def both_layers(channels=3, **arguments):
    """A fused and a plain layer of equal, uneven weights."""
    rng = np.random.default_rng(0)
    layers = BatchNormalization(**arguments), keras.layers.BatchNormalization(**arguments)
    weights = [rng.uniform(0.5, 2, channels).astype("float32") for _ in range(4)]
    for layer in layers:
        layer.build((None, None, None, channels))
        layer.set_weights(weights)
    return layers


def run(layer, images, cotangent, training):
    """Returns outputs, gradients of inputs, gamma and beta, and the moving statistics afterwards."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images, training=training)
    gradients = tape.gradient(outputs, [images, layer.gamma.value, layer.beta.value], output_gradients=cotangent)
    return [np.array(ops.convert_to_numpy(x)) for x in (outputs, *gradients, layer.moving_mean, layer.moving_variance)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (2, 1, 1, 3), (4, 5, 6, 16)])
def test_equals_keras(shape, training):
    rng = np.random.default_rng(1)
    images = tf.constant(rng.normal(2, 3, shape).astype("float32"))
    cotangent = tf.constant(rng.normal(size=shape).astype("float32"))
    fused, plain = (
        run(layer, images, cotangent, training) for layer in both_layers(shape[-1], epsilon=1e-3, momentum=0.9)
    )
    for ours, theirs in zip(fused, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5)


def test_groups_are_normalised_each_by_itself():
    rng = np.random.default_rng(1)
    images = tf.constant(rng.normal(2, 3, (6, 4, 5, 3)).astype("float32"))
    cotangent = tf.constant(rng.normal(size=images.shape).astype("float32"))
    layer, _ = both_layers(epsilon=1e-3, momentum=0.9)
    grouped = BatchNormalization(group=2, epsilon=1e-3, momentum=0.9)
    grouped.build(images.shape)
    grouped.set_weights(layer.get_weights())
    ours = run(grouped, images, cotangent, training=True)
    apart = []
    for rows in (slice(0, 2), slice(2, 4), slice(4, 6)):
        alone, _ = both_layers(epsilon=1e-3, momentum=0.9)
        apart.append(run(alone, images[rows], cotangent[rows], training=True))
    outputs, by_input, by_gamma, by_beta, mean, variance = zip(*apart, strict=True)
    expected = [np.concatenate(outputs), np.concatenate(by_input), sum(by_gamma), sum(by_beta)]
    expected += [np.mean(mean, axis=0), np.mean(variance, axis=0)]
    for found, wanted in zip(ours, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-5)


def test_a_frozen_layer_uses_and_keeps_its_moving_statistics():
    images = tf.ones((2, 2, 2, 3))
    layer, _ = both_layers()
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(images, training=True), layer(images, training=False))
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_fused_kernel_is_what_trains():
    layer, _ = both_layers(3)
    images = tf.TensorSpec((2, 4, 4, 3))
    graph = tf.function(lambda x: layer(x, training=True)).get_concrete_function(images).graph
    assert "FusedBatchNormV3" in {operation.type for operation in graph.get_operations()}
