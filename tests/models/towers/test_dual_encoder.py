"""The dual encoder: unit vectors, its projections, its temperature, and what is frozen."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.config import ModelConfig
from models.towers.dual_encoder import Between, DualEncoder, build_dual_encoder
from models.towers.text_tower import TextTower
from models.training_config import MAX_TEMPERATURE, MIN_TEMPERATURE, TrainingConfig

MODEL = ModelConfig(
    image_width_coefficient=0.25,
    image_depth_coefficient=0.2,
    image_stem_stride=1,
    image_resize_px=32,
    image_crop_px=32,
    text_layers=1,
    text_hidden=16,
    text_heads=2,
    text_intermediate=32,
    text_max_pieces=5,
    embedding=24,
)
PIECES = 20
PAIRS = 8


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return build_dual_encoder(MODEL, TrainingConfig(initial_temperature=0.5), PIECES)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    return {
        "image": rng.uniform(-1, 1, (PAIRS, 32, 32, 3)).astype("float32"),
        "token_ids": rng.integers(1, PIECES, (PAIRS, 5)).astype("int32"),
    }


def small_encoder(**arguments):
    """An encoder whose image tower is one convolution: quick to trace."""
    images = keras.Input((None, None, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(16, 3, strides=2, activation="relu")(images))
    text_tower = TextTower(PIECES, layers=1, hidden=16, heads=2, intermediate=32, max_pieces=5, dropout=0.0)
    return DualEncoder(keras.Model(images, features), text_tower, embedding=8, dropout=0.0, **arguments)


def test_embeddings_are_unit_vectors_of_the_configured_width(encoder, batch):
    for vectors in (encoder.encode_image(batch["image"]), encoder.encode_text(batch["token_ids"])):
        assert vectors.shape == (PAIRS, 24)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_embeddings_do_not_depend_on_the_batch_but_in_training(encoder, batch):
    alone = encoder.encode_image(batch["image"][:1])
    np.testing.assert_allclose(alone, encoder.encode_image(batch["image"])[:1], rtol=1e-4, atol=1e-5)
    trained = encoder.encode_image(batch["image"], training=True)
    assert np.abs(np.asarray(trained)[:1] - np.asarray(alone)).max() > 1e-3


def test_images_are_projected_only_where_widths_differ(encoder):
    text_tower = encoder.text_tower
    assert encoder.image_tower.output_shape[-1] == 80
    assert [w.shape for w in encoder.image_projection.weights] == [(80, 24), (24,)]
    same_width = DualEncoder(encoder.image_tower, text_tower, embedding=80)
    assert same_width.image_projection.weights == []
    assert [w.shape for w in same_width.text_projection.weights] == [(16, 80), (80,)]


def test_all_weights_exist_before_the_first_batch(encoder, batch):
    before = len(encoder.weights)
    encoder(batch)
    assert len(encoder.weights) == before
    assert len({w.path for w in encoder.weights}) == before


@pytest.mark.parametrize("temperature", [MIN_TEMPERATURE / 2, MAX_TEMPERATURE * 2])
def test_a_temperature_out_of_bounds_is_refused(temperature):
    with pytest.raises(ValueError, match=rf"training.initial_temperature is {temperature}; it must be between"):
        small_encoder(initial_temperature=temperature)


def test_the_temperature_is_clipped_after_a_step():
    clip = small_encoder().temperature.constraint
    assert [float(clip(tf.constant(t))) for t in (-1.0, 0.5, 100.0)] == [MIN_TEMPERATURE, 0.5, MAX_TEMPERATURE]
    assert clip.get_config() == Between(MIN_TEMPERATURE, MAX_TEMPERATURE).get_config()


def test_a_frozen_tower_is_in_inference_mode_and_keeps_its_weights(encoder, batch):
    encoder.image_tower.trainable = False
    try:
        np.testing.assert_array_equal(
            encoder.encode_image(batch["image"], training=True), encoder.encode_image(batch["image"])
        )
        assert not any("block1a" in weight.path for weight in encoder.trainable_weights)
        assert any("text_projection" in weight.path for weight in encoder.trainable_weights)
    finally:
        encoder.image_tower.trainable = True


def test_a_fixed_temperature_is_not_trained():
    training = TrainingConfig(initial_temperature=1 / 64, learn_temperature=False)
    weights = build_dual_encoder(MODEL, training, PIECES).trainable_weights
    assert weights
    assert not any(weight.name == "temperature" for weight in weights)


def test_towers_compute_in_bfloat16_and_keep_weights_and_vectors_in_float32(batch):
    keras.utils.set_random_seed(0)
    half = build_dual_encoder(MODEL, TrainingConfig(image_precision="bfloat16", text_precision="bfloat16"), PIECES)
    keras.utils.set_random_seed(0)
    whole = build_dual_encoder(MODEL, TrainingConfig(), PIECES)
    assert keras.config.dtype_policy().name == "float32"
    assert half.image_tower.layers[-1].compute_dtype == "bfloat16"
    assert {str(weight.dtype) for weight in half.trainable_weights} == {"float32"}
    for training in (False, True):
        for encode, values in (("encode_image", batch["image"]), ("encode_text", batch["token_ids"])):
            found = getattr(half, encode)(values, training=training)
            assert found.dtype == tf.float32
            if not training:
                cosines = np.sum(np.asarray(found) * np.asarray(getattr(whole, encode)(values)), axis=1)
                assert cosines.min() > 0.99


def test_config_round_trips(encoder, batch):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(encoder))
    assert again.get_config() == encoder.get_config()
    again.set_weights(encoder.get_weights())
    np.testing.assert_allclose(again.encode_image(batch["image"]), encoder.encode_image(batch["image"]), rtol=1e-5)
