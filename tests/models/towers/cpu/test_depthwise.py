"""The depth-wise convolution against Keras's zero padding and its own layer, one after the other."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from models.towers.cpu.depthwise import convolve_depthwise


class Depthwise(keras.layers.DepthwiseConv2D):
    """The convolution as a block has it."""

    def __init__(self, kernel, stride, **kwargs):
        super().__init__(kernel, stride, use_bias=False, **kwargs)

    def call(self, inputs):
        return convolve_depthwise(inputs, self.kernel, self.strides[0])


def both_layers(kernel, stride, channels):
    """Returns our layer and Keras's two, of the same filters."""
    ours = Depthwise(kernel, stride)
    border = (kernel // 2 - 1, kernel // 2) if stride == 2 else (kernel // 2, kernel // 2)
    pad = keras.layers.ZeroPadding2D((border, border))
    plain = keras.layers.DepthwiseConv2D(kernel, stride, padding="valid", use_bias=False)
    for layer in (ours, plain):
        layer.build((None, None, None, channels))
    ours.set_weights(plain.get_weights())
    return ours, keras.Sequential([pad, plain])


def run(layer, x, cotangent=None):
    """Returns outputs, and gradients of the input and the filters, by a cotangent that follows from the shape."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = layer(x)
    if cotangent is None:
        cotangent = tf.constant(np.random.default_rng(1).normal(size=outputs.shape), outputs.dtype)
    by_x, by_kernel = tape.gradient(outputs, [x, layer.trainable_weights[0].value], output_gradients=cotangent)
    return outputs, by_x, by_kernel


def images(shape, dtype=tf.float32):
    return tf.constant(np.random.default_rng(0).normal(size=shape), dtype)


def assert_close(found, expected, share=1e-5):
    for one, two in zip(found, expected, strict=True):
        assert one.shape == two.shape
        one, two = np.asarray(one, "float64"), np.asarray(two, "float64")
        np.testing.assert_allclose(one, two, rtol=0, atol=share * max(np.abs(two).max(), 1))


@settings(max_examples=60)
@given(
    kernel=st.sampled_from([3, 5, 7]),
    stride=st.sampled_from([1, 2]),
    height=st.integers(2, 17),
    width=st.integers(2, 17),
    channels=st.integers(1, 9),
    batch=st.integers(1, 3),
)
def test_equals_padding_and_then_convolving(kernel, stride, height, width, channels, batch):
    ours, plain = both_layers(kernel, stride, channels)
    x = images((batch, height, width, channels))
    found = run(ours, x)
    assert found[0].shape == (batch, height // stride, width // stride, channels)
    assert_close(found, run(plain, x))


@pytest.mark.parametrize("stride", [1, 2])
def test_equals_the_definition_pixel_by_pixel(stride):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 6, 7, 3)), rng.normal(size=(5, 5, 3, 1))
    layer = Depthwise(5, stride)
    layer.build(x.shape)
    layer.set_weights([kernel])
    before = 1 if stride == 2 else 2
    padded = np.pad(x, [(0, 0), (before, 2), (before, 2), (0, 0)])
    expected = np.zeros((2, 6 // stride, 7 // stride, 3))
    for row, column in np.ndindex(expected.shape[1:3]):
        patch = padded[:, row * stride : row * stride + 5, column * stride : column * stride + 5]
        expected[:, row, column] = (patch * kernel[..., 0]).sum((1, 2))
    np.testing.assert_allclose(layer(tf.constant(x, tf.float32)), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (None, None), (None, 8), (8, None)])
@pytest.mark.parametrize("stride", [1, 2])
def test_takes_sizes_known_only_when_it_runs(size, stride):
    ours, plain = both_layers(5, stride, 3)
    height, width = (side or 9 for side in size)
    x = images((2, height, width, 3))
    cotangent = tf.ones((2, height // stride, width // stride, 3))
    graph = tf.function(
        lambda x: run(ours, x, cotangent), input_signature=[tf.TensorSpec([None, *size, 3])], autograph=False
    )
    assert_close(graph(x), run(plain, x, cotangent))


@pytest.mark.parametrize("stride", [1, 2])
def test_in_bfloat16_filters_stay_float32_and_are_near(stride):
    ours, plain = both_layers(5, stride, 4)
    half = Depthwise(5, stride, dtype="mixed_bfloat16")
    half.build((None, None, None, 4))
    half.set_weights(ours.get_weights())
    x = images((2, 8, 8, 4), tf.bfloat16)
    found = run(half, x)
    assert [part.dtype for part in found] == [tf.bfloat16, tf.bfloat16, tf.float32]
    assert_close(found, run(plain, tf.cast(x, tf.float32)), share=2**-6)


@pytest.mark.parametrize(("kernel", "parts"), [(3, 1), (5, 2), (7, 3)])
def test_the_filters_gradient_is_made_of_parts_three_wide(kernel, parts):
    layer, _ = both_layers(kernel, 1, 4)
    graph = tf.function(lambda x: run(layer, x), autograph=False).get_concrete_function(tf.TensorSpec((2, 8, 8, 4)))
    types = [operation.type for operation in graph.graph.get_operations()]
    assert types.count("DepthwiseConv2dNativeBackpropFilter") == parts


def test_a_whole_step_compiles_with_it_inside():
    for kernel, stride, side in ((5, 1, 6), (5, 2, 6), (5, 2, 7)):
        layer, _ = both_layers(kernel, stride, 3)
        x = images((2, side, side, 3))
        compiled = tf.function(lambda x, layer=layer: run(layer, x), autograph=False, jit_compile=True)
        assert_close(compiled(x), run(layer, x))
