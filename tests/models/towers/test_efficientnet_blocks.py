"""Each device runs its own form of the blocks, and the two forms are one model: weights, files, answers, steps."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.config import ModelConfig
from models.saving.model_folder import read_model_folder, write_model_folder
from models.towers.cpu import forms
from models.towers.cpu.choice import fast_forms
from models.towers.dual_encoder import build_dual_encoder
from models.towers.efficientnet_blocks import InvertedResidual, Stem
from models.towers.transformer_block import TransformerBlock
from models.training_config import TrainingConfig

ACCELERATORS = ("GPU", "TPU", "XPU")
MODEL = ModelConfig(
    image_width_coefficient=0.35,
    image_depth_coefficient=0.3,
    image_stem_stride=1,
    image_resize_px=36,
    image_crop_px=32,
    text_layers=1,
    text_hidden=16,
    text_heads=2,
    text_intermediate=32,
    text_max_pieces=6,
    embedding=12,
    dropout=0.0,
    drop_connect=0.0,
)
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat"]


def see(monkeypatch, *kinds: str) -> None:
    """Let TensorFlow list devices of these kinds."""
    devices = [SimpleNamespace(device_type=kind, name=f"/device:{kind}:0") for kind in kinds]
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: devices)


def build(seed: int = 0):
    keras.utils.set_random_seed(seed)
    return build_dual_encoder(MODEL, TrainingConfig(initial_temperature=0.5), len(PIECES))


@pytest.fixture
def both(monkeypatch):
    """Encoders of one seed, the first built where there are CPUs alone, the second beside a GPU."""
    fast = build()
    see(monkeypatch, "CPU", "GPU")
    plain = build()
    return fast, plain


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    colours = rng.uniform(-0.5, 0.5, (4, 1, 1, 3))
    images = colours + rng.uniform(-0.5, 0.5, (4, 32, 32, 3))
    return {"image": images.astype("float32"), "token_ids": rng.integers(1, 7, (4, 6)).astype("int32")}


def layers():
    """One of each kind that has two forms, built."""
    block = InvertedResidual(16, 24, kernel=5, stride=2, expansion=6, name="block2a")
    text = TransformerBlock(
        heads=2, intermediate=32, dropout=0.0, epsilon=1e-12, kernel_initializer="he_normal", name="text"
    )
    text.build((None, None, 16))
    return Stem(16, 2), block, text


def operations(function, *shapes) -> set[str]:
    """Returns the types of operations, at any depth, of a step of training, and what XLA alone must compile."""

    @tf.function(autograph=False)
    def step(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(*inputs)
        return tape.gradient(outputs, inputs)

    graph = step.get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    compiled = {"_XlaMustCompile" for node in nodes if node.attr["_XlaMustCompile"].b}
    compiled |= {"_XlaMustCompile" for function in graph.library.function if function.attr["_XlaMustCompile"].b}
    return {node.op for node in nodes} | compiled


def traced() -> list[set[str]]:
    """Returns the operations of a training step of each of `layers`, built now."""
    stem, block, text = layers()
    real = tf.ones((2, 5), tf.bool)
    return [
        operations(lambda x: stem(x, training=True), (2, 32, 32, 3)),
        operations(lambda x: block(x, training=True), (2, 16, 16, 16)),
        operations(lambda x: text(x, x, real, training=True), (2, 5, 16)),
    ]


def test_on_cpus_each_layer_takes_its_fast_form():
    assert fast_forms() is forms
    for found in traced():
        assert "_XlaMustCompile" in found
    assert "BatchMatMulV2" in traced()[1]  # the gated projection


@pytest.mark.parametrize("accelerator", ACCELERATORS)
def test_beside_an_accelerator_each_layer_is_keras_own(monkeypatch, accelerator):
    see(monkeypatch, "CPU", accelerator)
    assert fast_forms() is None
    stem, block, text = traced()
    for found in (stem, block, text):
        assert "_XlaMustCompile" not in found
    assert {"Conv2D", "DepthwiseConv2dNative", "FusedBatchNormV3"} <= block
    assert "BatchMatMulV2" not in block
    assert "FusedBatchNormV3" in stem


def test_off_tensorflow_no_device_is_asked(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: pytest.fail("TensorFlow was asked"))
    assert fast_forms() is None


def test_both_forms_have_the_same_weights_in_the_same_order(both):
    fast, plain = both
    assert [(w.path, w.shape, w.dtype) for w in fast.weights] == [(w.path, w.shape, w.dtype) for w in plain.weights]
    assert [(*v.shape,) for v in fast.variables] == [(*v.shape,) for v in plain.variables]
    for one, two in zip(fast.weights, plain.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_both_forms_take_the_same_step(both, batch):
    found = []
    for encoder in both:
        with tf.GradientTape() as tape:
            vectors = encoder(batch, training=True)
            loss = tf.reduce_sum(vectors["image"] * vectors["text"] ** 3)
        weights = [weight for weight in encoder.trainable_weights if weight is not encoder.temperature]
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, weights)]
        found.append([*vectors.values(), *gradients, *encoder.non_trainable_weights])
    assert np.mean([np.abs(gradient).max() > 1e-3 for gradient in gradients]) > 0.9
    for fast, plain in zip(*found, strict=True):
        fast, plain = np.asarray(fast, "float64"), np.asarray(plain, "float64")
        np.testing.assert_allclose(fast, plain, rtol=0, atol=5e-4 * max(np.abs(plain).max(), 0.01))


def test_both_forms_take_bfloat16(monkeypatch):
    x = np.random.default_rng(0).normal(size=(4, 9, 9, 16)).astype("float32")
    found = []
    for kinds in (("CPU",), ("CPU", "GPU")):
        see(monkeypatch, *kinds)
        keras.utils.set_random_seed(0)
        block = InvertedResidual(
            16, 16, kernel=5, stride=1, expansion=6, name="block3b", dtype=keras.DTypePolicy("mixed_bfloat16")
        )
        found.append(block(x, training=True))
        assert {weight.dtype for weight in block.weights} == {"float32"}
    assert [outputs.dtype for outputs in found] == [tf.bfloat16] * 2
    np.testing.assert_allclose(*(np.asarray(outputs, "float64") for outputs in found), rtol=0, atol=2**-3)


@pytest.mark.parametrize("trained", ["fast", "plain"])
def test_a_model_that_was_written_by_one_form_is_read_by_the_other(both, batch, trained, tmp_path):
    source, target = both if trained == "fast" else both[::-1]
    rng = np.random.default_rng(1)
    for weight in source.weights:
        weight.assign(np.asarray(weight) * rng.uniform(0.9, 1.1, weight.shape))
    expected = source(batch, training=False)

    def assert_answers(encoder):
        for side, vectors in encoder(batch, training=False).items():
            np.testing.assert_allclose(vectors, expected[side], atol=1e-5)

    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    write_model_folder(str(tmp_path / "model"), source, MODEL, str(tmp_path / "vocab.txt"))
    read_model_folder(str(tmp_path / "model")).load_into(target)
    assert_answers(target)
    for variable in target.variables:
        variable.assign(tf.zeros_like(variable.value))
    state = tf.train.Checkpoint(variables=[v.value for v in source.variables]).write(str(tmp_path / "state"))
    read = tf.train.Checkpoint(variables=[v.value for v in target.variables]).read(state)
    read.assert_existing_objects_matched()
    assert_answers(target)
    for variable in target.variables:
        variable.assign(tf.zeros_like(variable.value))
    source.save_weights(tmp_path / "of_keras.weights.h5")
    target.load_weights(tmp_path / "of_keras.weights.h5")
    assert_answers(target)


def test_a_saved_model_takes_the_form_of_where_it_is_loaded(monkeypatch, batch, tmp_path):
    fast = build()
    fast.image_tower.save(tmp_path / "tower.keras")
    see(monkeypatch, "CPU", "GPU")
    plain = keras.saving.load_model(tmp_path / "tower.keras")
    assert (fast.image_tower.get_layer("block2a")._fast_form, plain.get_layer("block2a")._fast_form) == (
        forms.inverted_residual,
        None,
    )
    np.testing.assert_allclose(plain(batch["image"]), fast.image_tower(batch["image"]), atol=1e-5)


def test_configs_round_trip():
    block = InvertedResidual(16, 16, kernel=3, stride=1, expansion=6, drop_rate=0.25, synchronized=True, name="block2b")
    for layer in (Stem(24, 2, group=4), block):
        again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        assert again.get_config() == layer.get_config()
        assert [(w.path, w.shape) for w in again.weights] == [(w.path, w.shape) for w in layer.weights]
    assert again.add.rate == 0.25
    assert again.bn.synchronized


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [1, 2, 7, 8, None])
def test_a_layer_declares_the_size_that_it_has(stride, side):
    expected = None if side is None else side // stride
    for layer in (Stem(8, stride), InvertedResidual(3, 8, kernel=5, stride=stride, expansion=1, name="block1a")):
        assert layer(keras.Input((side, side, 3))).shape == (None, expected, expected, 8)
        if side is not None and expected > 0:
            assert layer(np.ones((2, side, side, 3), "float32")).shape == (2, expected, expected, 8)
