"""Stochastic depth: what is dropped, and what is not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.towers.stochastic_depth import StochasticDepth


def test_stochastic_depth_drops_whole_images_and_keeps_the_mean():
    keras.utils.set_random_seed(0)
    outputs, inputs = np.ones((4000, 2, 2, 3), "float32"), np.full((4000, 2, 2, 3), 10.0, "float32")
    found = np.asarray(StochasticDepth(0.25)(outputs, inputs, training=True)) - 10
    by_image = found.reshape(4000, -1)
    assert (by_image == by_image[:, :1]).all()
    assert set(np.round(by_image[:, 0], 5)) == {0.0, np.float32(round(4 / 3, 5))}
    dropped = (by_image[:, 0] == 0).mean()
    assert abs(dropped - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_stochastic_depth_adds_all_in_inference_and_at_rate_0(rate, training):
    outputs, inputs = np.ones((8, 2, 2, 3), "float32"), np.full((8, 2, 2, 3), 2.0, "float32")
    np.testing.assert_array_equal(StochasticDepth(rate)(outputs, inputs, training=training), outputs + inputs)


def test_stochastic_depth_draws_anew_each_time_and_its_gradient_is_its_mask():
    keras.utils.set_random_seed(0)
    layer = StochasticDepth(0.5)
    outputs, inputs = tf.ones((64, 1, 1, 2)), tf.zeros((64, 1, 1, 2))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([outputs, inputs])
        first, second = (layer(outputs, inputs, training=True) for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(tape.gradient(first, outputs), first)
    np.testing.assert_array_equal(tape.gradient(first, inputs), np.ones((64, 1, 1, 2)))


def test_config_round_trips():
    layer = StochasticDepth(0.3)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
