"""The folded image tower against the tower that it is made from, and folding against batch norm by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.saving.folding import FoldedTower, fold, fold_tower
from models.towers.efficientnet_blocks import BATCH_NORM_EPSILON
from models.towers.image_tower import ImageTower

CLOSE = 1e-5  # of unit vectors


def uneven(tower: ImageTower, seed: int = 0) -> ImageTower:
    """Returns the tower with every weight made uneven and batch norm's statistics near those of a batch of noise."""
    rng = np.random.default_rng(seed)
    norms = [layer for layer in tower._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    for weight in tower.trainable_weights:
        value = np.asarray(weight)
        weight.assign(value * rng.uniform(0.8, 1.2, value.shape) + rng.uniform(0, 0.02, value.shape))
    for norm in norms:
        norm.momentum = 0.0
    tower(rng.normal(0.3, 0.5, (8, 64, 64, 3)).astype(np.float32), training=True)
    for norm in norms:
        for weight in (norm.moving_mean, norm.moving_variance):
            weight.assign(np.asarray(weight) * rng.uniform(0.9, 1.1, weight.shape))
    return tower


@pytest.fixture(scope="module")
def tower():
    """Stages of several blocks, so that there are additions, and drop-connect, which inference must not have."""
    keras.utils.set_random_seed(1)
    return uneven(ImageTower(0.35, 0.6, stem_stride=2, drop_connect=0.5))


def features(folded: FoldedTower, images: np.ndarray) -> np.ndarray:
    graph = tf.function(folded.__call__, input_signature=[tf.TensorSpec([None, *images.shape[1:]])], autograph=False)
    return np.asarray(graph(images))


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


# Even at every stride; odd at some, also at the stem, as 289 px is; of two sizes; odd in one direction alone.
@pytest.mark.parametrize("size", [(64, 64), (73, 73), (68, 82), (64, 65)])
def test_equals_the_tower_in_inference_mode(tower, size):
    images = np.random.default_rng(2).uniform(-1, 1, (3, *size, 3)).astype(np.float32)
    expected = np.asarray(tower(images, training=False))
    found = features(FoldedTower(tower), images)
    np.testing.assert_allclose(unit(found), unit(expected), atol=CLOSE)
    assert np.abs(unit(expected[0]) - unit(expected[1])).max() > 100 * CLOSE


def test_sizes_that_are_known_only_when_it_runs(tower):
    folded = tf.function(
        FoldedTower(tower).__call__, input_signature=[tf.TensorSpec([None] * 3 + [3])], autograph=False
    )
    for size in (64, 75):
        images = np.random.default_rng(2).uniform(-1, 1, (2, size, size, 3)).astype(np.float32)
        np.testing.assert_allclose(unit(folded(images)), unit(tower(images, training=False)), atol=CLOSE)


@pytest.mark.parametrize("stem_stride", [1, 2])
def test_strides_of_the_stem(stem_stride):
    tower = uneven(ImageTower(0.25, 0.1, stem_stride=stem_stride))
    images = np.random.default_rng(2).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    np.testing.assert_allclose(
        unit(features(FoldedTower(tower), images)), unit(tower(images, training=False)), atol=CLOSE
    )


def test_later_training_does_not_reach_what_is_folded(tower):
    images = np.random.default_rng(3).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    copy = ImageTower.from_config(tower.get_config())
    copy.set_weights(tower.get_weights())
    folded = FoldedTower(copy)
    uneven(copy, seed=5)
    np.testing.assert_allclose(unit(features(folded, images)), unit(tower(images, training=False)), atol=CLOSE)


def test_a_tower_above_the_limit_stays_in_variables(tower):
    images = np.random.default_rng(4).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    held = FoldedTower(tower, frozen_bytes=0)
    weights = fold_tower(tower)
    assert len(held.variables) == 2 * len(weights)
    assert FoldedTower(tower).variables == ()
    size = sum(part.nbytes for parts in weights.values() for part in parts)
    assert FoldedTower(tower, frozen_bytes=size).variables == ()
    assert len(FoldedTower(tower, frozen_bytes=size - 1).variables) == 2 * len(weights)
    np.testing.assert_allclose(features(held, images), features(FoldedTower(tower), images), rtol=1e-5, atol=1e-6)


def test_every_weight_but_batch_norms_is_there(tower):
    kept = sum(w.shape.num_elements() for w in tower.weights if "_bn/" not in w.path)
    biases = sum(w.shape.num_elements() for w in tower.weights if w.path.endswith("/gamma"))  # one each per channel
    assert sum(part.size for parts in fold_tower(tower).values() for part in parts) == kept + biases


def test_folding_by_hand():
    norm = {"gamma": [2.0, 1.0], "beta": [0.5, 0.0], "moving_mean": [3.0, -1.0], "moving_variance": [4.0, 0.25]}
    norm = {name: np.array(value) for name, value in norm.items()}
    norm["moving_variance"] -= BATCH_NORM_EPSILON  # roots of exactly 2 and 1/2
    kernel = np.array([[[[1.0, 1.0], [10.0, 3.0]]]])  # [1, 1, I = 2, O = 2]
    folded = fold(kernel, norm)
    np.testing.assert_allclose(folded.kernel, [[[[1.0, 2.0], [10.0, 6.0]]]])  # scales 2 / 2 and 1 / 0.5
    np.testing.assert_allclose(folded.bias, [0.5 - 3.0, 0.0 + 2.0])
    assert folded.kernel.dtype == folded.bias.dtype == np.float32
