"""The dual encoder: unit vectors, its projections, its temperature, its measures and its step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.config import ModelConfig
from models.contrastive_loss import contrastive_loss
from models.dual_encoder import Between, DualEncoder, build_dual_encoder
from models.optimizer import build_optimizer
from models.text_tower import TextTower
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


def test_evaluate_reports_the_loss_of_the_embeddings(encoder, batch):
    encoder.compile(jit_compile=False)
    measures = encoder.evaluate(tf.data.Dataset.from_tensors(batch), return_dict=True, verbose=0)
    images, texts = encoder.encode_image(batch["image"]), encoder.encode_text(batch["token_ids"])
    cosines = np.asarray(images) @ np.asarray(texts).T
    own = np.arange(PAIRS)
    assert float(measures["loss"]) == pytest.approx(
        float(contrastive_loss(images, texts, images, texts, 0, 0.5, 0.1)), rel=1e-5
    )
    assert float(measures["temperature"]) == 0.5
    recall = ((cosines.argmax(1) == own).mean() + (cosines.argmax(0) == own).mean()) / 2
    assert float(measures["in_batch_recall_at_1"]) == pytest.approx(recall)


def test_training_tells_the_pairs_of_a_batch_apart(batch):
    keras.utils.set_random_seed(0)
    colours = np.random.default_rng(1).uniform(-1, 1, (PAIRS, 1, 1, 3)).astype("float32")
    data = tf.data.Dataset.from_tensors({**batch, "image": np.tile(colours, (1, 8, 8, 1))}).repeat()
    training = TrainingConfig(steps=150, warmup_steps=10, learning_rate=0.02)
    encoder = small_encoder(initial_temperature=0.1)
    encoder.compile(optimizer=build_optimizer(training), jit_compile=False)
    measures = encoder.fit(data, steps_per_epoch=training.steps, verbose=0).history
    assert measures["in_batch_recall_at_1"] == [1.0]
    # The smoothed loss is least at a gap of ln(0.9125 / 0.0125) = 4.3 between own and other logits; at 0.1, perfectly
    # separated cosines would have one of 10, so the temperature has learnt to rise.
    assert 0.1 < measures["temperature"][0] < 0.5


def test_config_round_trips(encoder, batch):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(encoder))
    assert again.get_config() == encoder.get_config()
    again.set_weights(encoder.get_weights())
    np.testing.assert_allclose(again.encode_image(batch["image"]), encoder.encode_image(batch["image"]), rtol=1e-5)
