"""A training step: its measures, that it learns, gradient caching against the whole batch, steps that are skipped."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from halved import Halved
from models.images import preprocessing
from models.losses.objective import MultiPositiveObjective, SigmoidObjective, SoftmaxObjective
from models.optimizers.adamw import AdamW
from models.optimizers.lamb import Lamb
from models.texts.trim import trim
from models.towers.dual_encoder import DualEncoder
from models.towers.efficientnet_blocks import InvertedResidual
from models.towers.text_tower import TextTower
from models.training.loop import compile_step
from models.training.step import Learner

PAIRS, PIECES = 8, 20


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    colours = rng.uniform(0, 255, (PAIRS, 1, 1, 3))
    noisy = np.tile(colours, (1, 8, 8, 1)) + rng.normal(0, 12, (PAIRS, 8, 8, 3))
    return {
        "image": tf.constant(np.clip(noisy, 0, 255), tf.uint8),
        "token_ids": tf.constant(rng.integers(1, PIECES, (PAIRS, 5)), tf.int32),
    }


def small_encoder(dropout=0.0, batch_norm=False, kind=DualEncoder):
    """Towers of a layer or two: all that a step can go wrong with, and quick to trace."""
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(images)
    if batch_norm:
        x = keras.layers.BatchNormalization()(x)
    image_tower = keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))
    token_ids = keras.Input((None,), dtype="int32")
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(PIECES, 16)(token_ids))
    text_tower = keras.Model(token_ids, keras.layers.Dense(16, activation="tanh")(pooled))
    return kind(image_tower, text_tower, embedding=8, initial_temperature=0.1, dropout=dropout)


def in_micro_batches(batch, pairs=PAIRS):
    """Returns a batch as a replica's step takes it."""
    return tuple({name: values[i : i + pairs] for name, values in batch.items()} for i in range(0, PAIRS, pairs))


def step_on(learner, batch, times=1, micro_batch=PAIRS):
    step = compile_step(learner, tf.distribute.get_strategy())
    for _ in range(times):
        measures = step(in_micro_batches(batch, micro_batch))
    return {name: float(value) for name, value in measures.items()}


def test_measures_are_those_of_the_batch(batch):
    encoder = small_encoder()
    vectors = encoder({**batch, "image": preprocessing.scale(batch["image"])})
    images, texts = np.asarray(vectors["image"], "float64"), np.asarray(vectors["text"], "float64")
    logits = images @ texts.T / 0.1
    targets = 0.9 * np.eye(PAIRS) + 0.1 / PAIRS
    expected = -sum((targets * (z - np.log(np.exp(z).sum(1, keepdims=True)))).sum(1).mean() for z in (logits, logits.T))
    own = np.arange(PAIRS)
    measures = step_on(Learner(encoder, SoftmaxObjective(0.1), AdamW(1e-3)), batch)
    assert measures["loss"] == pytest.approx(expected, rel=1e-5)
    recall = ((logits.argmax(1) == own).mean() + (logits.argmax(0) == own).mean()) / 2
    assert measures["in_batch_recall_at_1"] == pytest.approx(recall)
    assert measures["gradient_norm"] > 0
    assert measures["skipped_steps"] == 0


def test_steps_tell_the_pairs_of_a_batch_apart(batch):
    learner = Learner(small_encoder(), SoftmaxObjective(0.1), Lamb(0.02, not_decayed=("temperature",)))
    measures = step_on(learner, batch, times=150)
    assert measures["in_batch_recall_at_1"] == 1.0
    assert measures["loss"] < 2.0


@pytest.mark.parametrize("objective", [lambda: SoftmaxObjective(0.1), SigmoidObjective], ids=["softmax", "sigmoid"])
def test_gradient_caching_takes_the_step_of_the_whole_batch(batch, objective):
    """Without batch norm a micro-batch embeds as the whole batch does, dropout aside: the same weights follow."""
    whole, cached = (Learner(small_encoder(), objective(), AdamW(0.01, 0.1)) for _ in range(2))
    measures = [step_on(whole, batch, times=2), step_on(cached, batch, times=2, micro_batch=2)]
    assert measures[1] == pytest.approx(measures[0], rel=1e-4)
    for one, two in zip(whole.variables, cached.variables, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=2e-5)


def test_gradient_caching_sees_the_same_masks_twice_and_keeps_batch_norm_per_micro_batch(batch):
    """With dropout and batch statistics it takes the step of one pass that embeds the micro-batches in turn."""
    kinds = (Halved, DualEncoder)
    learners = [Learner(small_encoder(0.5, True, kind), SoftmaxObjective(0.1), AdamW(0.01)) for kind in kinds]
    measures = [step_on(learner, batch, 2, size) for learner, size in zip(learners, (PAIRS, PAIRS // 2), strict=True)]
    assert measures[1] == pytest.approx(measures[0], rel=1e-4)
    for one, two in zip(*(learner.variables for learner in learners), strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=2e-5)


def test_gradient_caching_reads_the_ids_of_all_micro_batches(batch):
    ids = {name: tf.constant([[n % 3, n % 2] for n in range(PAIRS)], tf.int32) for name in ("image_id", "caption_id")}
    measures = [
        step_on(Learner(small_encoder(), MultiPositiveObjective(0.1), AdamW(0.01)), {**batch, **ids}, micro_batch=size)
        for size in (PAIRS, 2)
    ]
    assert measures[1] == pytest.approx(measures[0], rel=1e-4)
    unlike = {name: tf.constant([[n, n] for n in range(PAIRS)], tf.int32) for name in ids}
    learner = Learner(small_encoder(), MultiPositiveObjective(0.1), AdamW(0.01))
    assert step_on(learner, {**batch, **unlike}, micro_batch=2)["loss"] != pytest.approx(measures[1]["loss"], rel=1e-3)


@pytest.mark.parametrize("micro_batch", [PAIRS, PAIRS // 2])
def test_a_step_is_the_same_with_pads_and_without(batch, micro_batch):
    """Cutting a batch's pads, as the input pipeline does, loses nothing."""
    padded = {**batch, "token_ids": tf.pad(batch["token_ids"], [[0, 0], [0, 11]])}
    found = []
    for texts in (padded, {**batch, "token_ids": trim(padded["token_ids"])}):
        keras.utils.set_random_seed(0)
        text_tower = TextTower(PIECES, layers=1, hidden=16, heads=2, intermediate=32, max_pieces=16, dropout=0.0)
        encoder = DualEncoder(small_encoder().image_tower, text_tower, embedding=8, dropout=0.0)
        learner = Learner(encoder, SoftmaxObjective(0.1), AdamW(0.01))
        found.append((texts["token_ids"].shape[1], step_on(learner, texts, 2, micro_batch), learner.variables))
    (before, measures, variables), (after, measures_cut, variables_cut) = found
    assert (before, after) == (16, 8)
    assert measures_cut == pytest.approx(measures, rel=1e-4)
    for one, two in zip(variables, variables_cut, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=2e-5)


@pytest.mark.parametrize("optimizer", [AdamW, Lamb])
def test_a_step_that_is_not_finite_changes_no_weight_and_no_moment(batch, optimizer):
    learner = Learner(small_encoder(), SoftmaxObjective(0.1), optimizer(0.01, 0.1))
    step = compile_step(learner, tf.distribute.get_strategy())
    step(in_micro_batches(batch))
    learner.encoder.temperature.assign(float("nan"))
    state = [np.asarray(v) for v in learner.variables if v.name not in ("iteration", "skipped_steps")]
    assert float(step(in_micro_batches(batch))["skipped_steps"]) == 1
    after = [np.asarray(v) for v in learner.variables if v.name not in ("iteration", "skipped_steps")]
    for one, two in zip(state, after, strict=True):
        np.testing.assert_array_equal(one, two)
    learner.encoder.temperature.assign(0.1)
    assert float(step(in_micro_batches(batch))["loss"]) > 0


def test_clipping_scales_the_gradient_of_the_whole_batch_to_the_norm():
    optimizer = AdamW(1.0, clip_norm=1.0, beta_1=0.0, beta_2=0.0, epsilon=1e9)  # steps by gradient / 1e9
    variables = [keras.Variable(np.zeros(1, "float32")), keras.Variable(np.zeros(1, "float32"))]
    optimizer.build(variables)
    norm = optimizer.step([tf.constant([3.0]), tf.constant([4.0])], variables)
    assert float(norm) == 5.0
    np.testing.assert_allclose([float(v.numpy()[0]) * -1e9 for v in variables], [0.6, 0.8], rtol=1e-5)


def test_the_step_compiles_with_static_shapes_under_xla_to_the_same_loss(batch):
    learners = [Learner(small_encoder(batch_norm=True), SoftmaxObjective(0.1), Lamb(0.01)) for _ in range(2)]
    plain = step_on(learners[0], batch, micro_batch=4)
    step = tf.function(learners[1].step, jit_compile=True, autograph=False)
    compiled = step(in_micro_batches(batch, 4))
    assert float(compiled["loss"]) == pytest.approx(plain["loss"], rel=1e-4)
    assert float(compiled["gradient_norm"]) == pytest.approx(plain["gradient_norm"], rel=1e-3)


def block_encoder(dropout=0.0, kind=DualEncoder):
    """One block of the real image tower and one of the real text tower."""
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    x = InvertedResidual(3, 16, kernel=5, stride=2, expansion=4, name="block")(images)
    image_tower = keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))
    sizes = {"layers": 1, "hidden": 16, "heads": 2, "intermediate": 32, "max_pieces": 8}
    text_tower = TextTower(PIECES, **sizes, dropout=dropout)
    return kind(image_tower, text_tower, embedding=8, initial_temperature=0.1, dropout=dropout)


def test_blocks_of_both_towers_cache_gradients_to_the_same_step(batch):
    """Loops, state and the second pass of gradient caching change nothing: one pass over both halves does the same."""
    kinds = (Halved, DualEncoder)
    learners = [Learner(block_encoder(0.3, kind), SoftmaxObjective(0.1), Lamb(0.01)) for kind in kinds]
    measures = [step_on(learner, batch, 2, size) for learner, size in zip(learners, (PAIRS, PAIRS // 2), strict=True)]
    assert measures[1] == pytest.approx(measures[0], rel=1e-4)
    halved, cached = (learner.encoder.variables for learner in learners)
    for one, two in zip(halved, cached, strict=True):
        if not one.path.endswith("key/bias"):  # whose gradient is noise: softmax takes a shift of all keys away
            np.testing.assert_allclose(np.asarray(one), np.asarray(two), atol=2e-5, err_msg=one.path)


def test_the_same_step_is_the_same_bit_for_bit(batch):
    """Traced twice and compiled twice: what checkpoints promise of a training that goes on."""
    states = []
    for _ in range(2):
        learner = Learner(block_encoder(0.3), SoftmaxObjective(0.1), AdamW(0.01, 0.1))
        step_on(learner, batch, 2, PAIRS // 2)
        states.append([np.asarray(v).tobytes() for v in learner.variables])
    assert states[0] == states[1]


def test_blocks_of_both_towers_compile_whole_under_xla(batch):
    plain, compiled = (Learner(block_encoder(), SoftmaxObjective(0.1), AdamW(0.01)) for _ in range(2))
    expected = step_on(plain, batch, micro_batch=PAIRS // 2)
    found = tf.function(compiled.step, jit_compile=True, autograph=False)(in_micro_batches(batch, PAIRS // 2))
    assert float(found["loss"]) == pytest.approx(expected["loss"], rel=1e-4)
    assert float(found["gradient_norm"]) == pytest.approx(expected["gradient_norm"], rel=1e-3)
