"""BERT against a forward pass in NumPy, and against keras-hub's backbone, which differs by its GELU alone."""

import math

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from models.towers.text_tower import TextTower

SIZES = {"layers": 2, "hidden": 12, "heads": 3, "intermediate": 20, "max_pieces": 7}
TOKEN_IDS = np.array([[2, 5, 9, 3, 0, 0], [2, 4, 4, 8, 7, 3], [2, 3, 0, 0, 0, 0]], "int32")

STEP = 2e-4  # in each weight, small beside all and large beside float32's rounding of them

erf = np.vectorize(math.erf)


@pytest.fixture(scope="module")
def tower():
    """A tower whose weights are uneven and large enough for GELU's tails to matter."""
    tower = TextTower(11, **SIZES, dropout=0.1)
    rng = np.random.default_rng(0)
    tower.set_weights([np.asarray(w) + rng.normal(0, 0.5, w.shape) for w in tower.get_weights()])
    return tower


def layer_norm(x, weights):
    gamma, beta = weights
    mean = x.mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-12) * gamma + beta


def transformer_block(x, real, layer):
    """One post-norm encoder block of arXiv:1810.04805, a head and a caption at a time."""
    w = {v.path.split("/", 1)[1]: np.asarray(v, "float64") for v in layer.weights}
    out = np.zeros_like(x)
    for b in range(len(x)):
        attended = np.zeros_like(x[b])
        for h in range(SIZES["heads"]):
            q, k, v = (
                x[b] @ w[f"self_attention_layer/{part}/kernel"][:, h] + w[f"self_attention_layer/{part}/bias"][h]
                for part in ("query", "key", "value")
            )
            scores = q @ k.T / math.sqrt(q.shape[-1])
            scores[:, ~real[b]] = -np.inf
            share = np.exp(scores - scores.max(-1, keepdims=True))
            share /= share.sum(-1, keepdims=True)
            attended += share @ v @ w["self_attention_layer/attention_output/kernel"][h]
        attended += w["self_attention_layer/attention_output/bias"]
        norm = w["self_attention_layer_norm/gamma"], w["self_attention_layer_norm/beta"]
        y = layer_norm(x[b] + attended, norm)
        z = y @ w["feedforward_intermediate_dense/kernel"] + w["feedforward_intermediate_dense/bias"]
        z = z * 0.5 * (1 + erf(z / math.sqrt(2)))
        z = z @ w["feedforward_output_dense/kernel"] + w["feedforward_output_dense/bias"]
        out[b] = layer_norm(y + z, (w["feedforward_layer_norm/gamma"], w["feedforward_layer_norm/beta"]))
    return out


def bert_oracle(tower, token_ids):
    """Hidden states of the first piece, in float64."""
    table, position, segment = (
        np.asarray(tower.get_layer(name).weights[0], "float64")
        for name in ("token_embedding", "position_embedding", "segment_embedding")
    )
    x = table[token_ids] + position[: token_ids.shape[1]] + segment[0]
    x = layer_norm(x, [np.asarray(w) for w in tower.get_layer("embeddings_layer_norm").weights])
    for i in range(SIZES["layers"]):
        x = transformer_block(x, token_ids != 0, tower.get_layer(f"transformer_layer_{i}"))
    return x[:, 0]


def test_equals_the_numpy_forward_pass(tower):
    found = np.asarray(tower(TOKEN_IDS, training=False))
    assert found.shape == (3, SIZES["hidden"])
    np.testing.assert_allclose(found, bert_oracle(tower, TOKEN_IDS), rtol=2e-4, atol=2e-5)


def test_equals_keras_hub_but_for_gelu(tower):
    backbone = keras_hub.models.BertBackbone(11, 2, 3, 12, 20, dropout=0.0, max_sequence_length=7, num_segments=1)
    for ours in tower.layers:
        if ours.weights:
            theirs = backbone.get_layer(ours.name)
            theirs.set_weights(ours.get_weights())
    inputs = {"token_ids": TOKEN_IDS, "segment_ids": np.zeros_like(TOKEN_IDS), "padding_mask": (TOKEN_IDS != 0) * 1}
    ours = np.asarray(tower(TOKEN_IDS))

    def difference():
        return np.abs(np.asarray(backbone(inputs)["sequence_output"])[:, 0] - ours).max()

    assert difference() > 1e-4  # theirs approximates
    for i in range(SIZES["layers"]):
        block = backbone.get_layer(f"transformer_layer_{i}")
        block._feedforward_intermediate_dense.activation = keras.activations.gelu
    assert difference() < 1e-5


def test_cls_alone_in_the_last_block_is_cls_among_all(tower):
    """The last block asked for every piece: the same first state, and the same gradients of all weights."""
    last = tower.get_layer("transformer_layer_1")
    before = keras.Model(tower.input, tower.get_layer("transformer_layer_0").output)
    cotangent = tf.constant(np.random.default_rng(1).normal(size=(3, SIZES["hidden"])), tf.float32)
    found = []
    for features in (tower, lambda ids: last(*[before(ids)] * 2, ops.not_equal(ids, 0))[:, 0]):
        with tf.GradientTape() as tape:
            outputs = features(TOKEN_IDS)
        gradients = tape.gradient(outputs, tower.trainable_weights, output_gradients=cotangent)
        found.append([outputs, *(tf.convert_to_tensor(gradient) for gradient in gradients)])
    for one, all_pieces in zip(*found, strict=True):
        # Biases of keys have no gradient but noise: softmax takes them away again.
        np.testing.assert_allclose(one, all_pieces, rtol=1e-4, atol=1e-4 * np.abs(all_pieces).max() + 1e-6)


def test_gradients_are_slopes(tower):
    """Along one direction in the space of all weights, by the oracle in float64."""
    rng = np.random.default_rng(1)
    weights = tower.trainable_weights
    start = [np.asarray(w, "float64") for w in weights]
    direction = [rng.normal(size=w.shape) for w in weights]
    cotangent = rng.normal(size=(3, SIZES["hidden"]))
    with tf.GradientTape() as tape:
        features = tower(TOKEN_IDS)
    gradients = tape.gradient(features, weights, output_gradients=tf.constant(cotangent, tf.float32))
    found = sum(np.sum(np.asarray(tf.convert_to_tensor(g)) * d) for g, d in zip(gradients, direction, strict=True))
    values = []
    for step in (STEP, -STEP):
        for weight, value, d in zip(weights, start, direction, strict=True):
            weight.assign(value + step * d)
        values.append(np.sum(bert_oracle(tower, TOKEN_IDS) * cotangent))
    for weight, value in zip(weights, start, strict=True):
        weight.assign(value)
    assert found == pytest.approx((values[0] - values[1]) / (2 * STEP), rel=1e-2)


def test_in_bfloat16_features_are_near(tower):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        half = TextTower(11, **SIZES)
    finally:
        keras.config.set_dtype_policy(policy)
    half.set_weights(tower.get_weights())
    found, expected = (np.asarray(features(TOKEN_IDS), "float64") for features in (half, tower))
    cosines = (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.999
    assert {str(weight.dtype) for weight in half.weights} == {"float32"}


def test_padding_is_not_seen(tower):
    short = np.asarray(tower(TOKEN_IDS[:1, :4]))
    np.testing.assert_allclose(np.asarray(tower(TOKEN_IDS[:1])), short, rtol=1e-5, atol=1e-6)


def test_order_is_seen(tower):
    swapped = TOKEN_IDS[:1, [0, 2, 1, 3]]
    assert np.abs(np.asarray(tower(swapped)) - np.asarray(tower(TOKEN_IDS[:1, :4]))).max() > 1e-3


def test_config_round_trips(tower):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(tower))
    assert again.get_config() == tower.get_config()
    again.set_weights(tower.get_weights())
    np.testing.assert_array_equal(np.asarray(again(TOKEN_IDS)), np.asarray(tower(TOKEN_IDS)))
