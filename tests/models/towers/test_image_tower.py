"""EfficientNet against keras.applications by weights of the same names, and its scaling rules by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.sizes import scale_repeats, scale_width
from models.towers.image_tower import ImageTower
from models.towers.stochastic_depth import StochasticDepth


def short_path(weight):
    """Returns the name of the layer that holds the weight, and its own: "block2a_expand_conv/kernel"."""
    return "/".join(weight.path.split("/")[-2:])


def copy_by_name(source, target):
    """Copy the weights of `target` from those of the same names, after making them uneven."""
    rng = np.random.default_rng(0)
    sources = {short_path(weight): weight for weight in source.weights}
    for weight in target.weights:
        theirs = sources.pop(short_path(weight))
        theirs.assign(theirs * rng.uniform(0.8, 1.2, theirs.shape) + rng.uniform(0, 0.05, theirs.shape))
        weight.assign(theirs)
    return sources


@pytest.fixture(scope="module")
def b0():
    """Our B0, and keras.applications' cut before its top convolution, with the same weights."""
    theirs = keras.applications.EfficientNetB0(weights=None, include_top=False, input_shape=(None, None, 3))
    cut = keras.Model(
        theirs.input, keras.layers.GlobalAveragePooling2D()(theirs.get_layer("block7a_project_bn").output)
    )
    ours = ImageTower(1.0, 1.0)
    assert {name.partition("/")[0] for name in copy_by_name(cut, ours)} == {"normalization"}  # all others are copied
    return ours, cut


@pytest.mark.parametrize("size", [(64, 64), (65, 47)])
def test_equals_keras_applications(b0, size):
    ours, theirs = b0
    images = np.random.default_rng(1).uniform(-1, 1, (2, *size, 3)).astype("float32")
    # Theirs divides pixels by 255 and leaves the rest to its untrained normalisation, which changes nothing.
    expected = np.asarray(theirs(images * 255, training=False))
    found = np.asarray(ours(images, training=False))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_trains_as_keras_applications_does(b0):
    """Norms inside expansions, gates inside projections and one-pass gradients change nothing, 16 blocks deep."""
    rng = np.random.default_rng(2)
    colours = rng.uniform(-0.5, 0.5, (8, 1, 1, 3))  # deep in the tower mere noise would be all alike
    images = (colours + rng.uniform(-0.5, 0.5, (8, 64, 64, 3))).astype("float32")
    cotangent = tf.constant(rng.normal(size=(8, 320)), tf.float32)

    def train(tower, images):
        copy = tower.__class__.from_config(tower.get_config())
        copy.set_weights(tower.get_weights())
        for layer in copy._flatten_layers():
            if hasattr(layer, "rate"):
                layer.rate = 0.0  # of stochastic depth, whose draws are each its own
        with tf.GradientTape() as tape:
            features = copy(images, training=True)
        gradients = tape.gradient(features, copy.trainable_weights, output_gradients=cotangent)
        moved = [weight for weight in copy.non_trainable_weights if "moving" in weight.name]
        answers = {"features": features} | {f"moved {short_path(w)}": w for w in moved}
        answers |= {short_path(w): g for w, g in zip(copy.trainable_weights, gradients, strict=True)}
        return {name: np.asarray(answer) for name, answer in answers.items()}

    theirs, ours = train(b0[1], images * 255), train(b0[0], images)
    # A shift that a norm takes away again has no gradient but noise.
    least = 1e-8 * max(np.linalg.norm(theirs[short_path(w)]) for w in b0[0].trainable_weights)
    off = {
        name: np.linalg.norm(found - theirs[name]) / np.linalg.norm(theirs[name])
        for name, found in ours.items()
        if "moved" in name or np.linalg.norm(theirs[name]) > least
    }
    assert len(off) > 0.9 * len(ours)
    assert off["features"] < 1e-5
    assert max(off.values()) < 5e-4, max(off, key=off.get)


def test_all_weights_of_b0_but_the_top_are_present(b0):
    ours, theirs = b0
    assert ours.count_params() == sum(layer.count_params() for layer in theirs.layers if layer.name != "normalization")
    assert ours.output_shape == (None, 320)


@pytest.mark.parametrize(
    ("width", "coefficient", "expected"),
    [(32, 1.0, 32), (320, 2.0, 640), (320, 4.3, 1376), (24, 1.1, 24), (16, 0.25, 8), (40, 0.35, 16), (24, 0.5, 16)],
)
def test_widths(width, coefficient, expected):
    # 24 x 1.1 = 26.4 -> 24, a loss of 9 %; 24 x 0.5 = 12 -> 16; 40 x 0.35 = 14 -> 16; 16 x 0.25 = 4 -> the least, 8.
    assert scale_width(width, coefficient) == expected


def test_a_width_that_would_lose_over_a_tenth_goes_up():
    assert scale_width(16, 0.7) == 16  # 11.2 rounds to 8, which is 29 % less


def test_b7_has_55_blocks():
    assert [scale_repeats(repeats, 3.1) for repeats in (1, 2, 2, 3, 3, 4, 1)] == [4, 7, 7, 10, 10, 13, 4]


@pytest.mark.parametrize("coefficient", [0.25, 0.35, 0.5])
def test_tiny_towers_keep_small_images_alive(coefficient):
    tower = ImageTower(coefficient, 0.3, stem_stride=1)
    features = np.asarray(tower(np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")))
    assert features.shape == (2, scale_width(320, coefficient))
    assert np.abs(features[0] - features[1]).max() > 0


def test_stem_stride_decides_the_size_of_the_last_map():
    for stem_stride, side in ((1, 4), (2, 2)):
        tower = ImageTower(0.25, 0.3, stem_stride=stem_stride)
        last_map = keras.Model(tower.input, tower.get_layer("block7a").output)
        assert last_map(np.zeros((1, 64, 64, 3), "float32")).shape == (1, side, side, 80)


def test_stochastic_depth_drops_whole_images_and_rises_with_depth():
    tower = ImageTower(0.25, 1.0, drop_connect=0.32)
    rates = {layer.name: layer.rate for layer in tower._flatten_layers() if isinstance(layer, StochasticDepth)}
    assert rates["block2b_add"] == pytest.approx(0.32 * 2 / 16)  # the third of 16 blocks
    assert rates["block6d_add"] == pytest.approx(0.32 * 14 / 16)
    ones = np.ones((64, 3, 3, 4), "float32")
    dropped = np.asarray(tower.get_layer("block6d").add(ones, np.zeros_like(ones), training=True))
    per_image = dropped.reshape(64, -1)
    assert (per_image == per_image[:, :1]).all()
    assert 0 < (per_image[:, 0] == 0).sum() < 64


def test_config_round_trips():
    tower = ImageTower(0.3, 0.3, stem_stride=1, drop_connect=0.1, synchronized_batch_norm=True)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(tower))
    assert again.get_config() == tower.get_config()
    assert [w.path for w in again.weights] == [w.path for w in tower.weights]
    norms = [layer for layer in again._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    assert (
        len(norms) == 1 + 2 + 7 * 3
    )  # the stem's, and of eight blocks three each but for the first, which expands not
    assert all(norm.synchronized for norm in norms)
