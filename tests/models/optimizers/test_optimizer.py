"""LAMB and AdamW against their papers' algorithms in NumPy, and what serialization keeps."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from models.optimizers.adamw import AdamW
from models.optimizers.lamb import Lamb
from models.optimizers.optimizer import build_optimizer
from models.optimizers.schedule import WarmupThenLinearDecay
from models.training_config import TrainingConfig


def lamb_oracle(weight, gradients, rates, decay, adapts=True, decays=True):
    """Algorithm 2 of arXiv:1904.00962 in float64."""
    w = np.array(weight, "float64")
    m = v = np.zeros_like(w)
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        r = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-6) + (decay * w if decays else 0)
        norms = np.linalg.norm(w.ravel()), np.linalg.norm(r.ravel())
        ratio = norms[0] / norms[1] if adapts and norms[0] > 0 and norms[1] > 0 else 1.0
        w = w - rate * ratio * r
    return w


@pytest.mark.parametrize(
    ("name", "adapts", "decays"),
    [
        ("kernel", True, True),
        ("bias", False, False),
        ("gamma", False, False),
        ("beta", False, False),
        ("temperature", True, False),
    ],
)
def test_equals_the_published_algorithm(name, adapts, decays):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4)).astype("float32")
    gradients = rng.normal(size=(5, 3, 4)).astype("float32")
    schedule = WarmupThenLinearDecay(0.1, 2, 5)
    variable = keras.Variable(start, name=name)
    optimizer = Lamb(schedule, weight_decay=0.5, not_decayed=("temperature",))
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
    expected = lamb_oracle(start, gradients, [float(schedule(t)) for t in range(5)], 0.5, adapts, decays)
    np.testing.assert_allclose(ops.convert_to_numpy(variable), expected, rtol=2e-5, atol=1e-6)


def test_a_weight_at_zero_takes_adams_step_and_a_zero_gradient_none():
    still, started = keras.Variable(np.ones(3, "float32")), keras.Variable(np.zeros(3, "float32"))
    gradient = np.array([1.0, -2.0, 3.0], "float32")
    Lamb(0.1).apply([np.zeros(3, "float32"), gradient], [still, started])
    np.testing.assert_array_equal(ops.convert_to_numpy(still), np.ones(3))
    np.testing.assert_allclose(ops.convert_to_numpy(started), -0.1 * np.sign(gradient), rtol=1e-4)


def test_a_positive_scalar_stays_positive_under_any_gradient():
    temperature = keras.Variable(0.01, name="temperature")
    optimizer = Lamb(0.1)
    for _ in range(10):
        optimizer.apply([ops.convert_to_tensor(1e6)], [temperature])
    assert float(temperature) == pytest.approx(0.01 * 0.9**10, rel=1e-4)


def test_a_sparse_gradient_equals_the_dense_one():
    # Embeddings yield sparse gradients, in which a row may occur twice; LAMB's norms are over the whole table.
    start = np.arange(1, 7, dtype="float32").reshape(3, 2)
    sparse = tf.IndexedSlices(tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([2, 2]), tf.constant([3, 2]))
    dense = np.array([[0, 0], [0, 0], [4, 6]], "float32")
    table = keras.Variable(start, name="embeddings")
    optimizer = Lamb(0.1, weight_decay=0.01)
    optimizer.build([table])
    for gradient in (sparse, sparse):
        optimizer.step([gradient], [table])
    expected = lamb_oracle(start, [dense, dense], [0.1, 0.1], 0.01)
    np.testing.assert_allclose(ops.convert_to_numpy(table), expected, rtol=1e-5)


def test_optimizer_and_schedule_survive_serialization():
    optimizer = build_optimizer(TrainingConfig(steps=10, warmup_steps=2, learning_rate=0.5, weight_decay=0.25))
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert again.get_config()["weight_decay"] == 0.25
    schedules = [item.get_config()["learning_rate"]["config"] for item in (again, optimizer)]
    assert schedules == [{"peak": 0.5, "warmup_steps": 2, "steps": 10}] * 2


def test_adamw_decays_kernels_alone():
    config = TrainingConfig(
        optimizer="adamw", steps=10, warmup_steps=0, learning_rate=0.1, weight_decay=0.5, initial_temperature=0.5
    )
    optimizer = build_optimizer(config)
    names = ("kernel", "embeddings", "bias", "gamma", "beta", "temperature")
    variables = [keras.Variable(np.ones(3, "float32"), name=name) for name in names]
    optimizer.apply([np.array([1.0, -2.0, 3.0], "float32")] * len(names), variables)
    for variable in variables:
        decay = 0.1 * 0.5 if variable.name in ("kernel", "embeddings") else 0.0
        expected = 1 - decay - 0.1 * np.array([1, -1, 1])  # Adam's first step is the gradient's sign
        np.testing.assert_allclose(ops.convert_to_numpy(variable), expected, rtol=1e-4)


def adamw_oracle(weight, gradients, rates, decay, epsilon):
    """Algorithm 2 of arXiv:1711.05101 in float64; a gradient of None is a step that is counted and not taken."""
    w = np.array(weight, "float64")
    m = v = np.zeros_like(w)
    for t, (g, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        if g is not None:
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * g**2
            w = w - rate * (m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + epsilon) + decay * w)
    return w


@pytest.mark.parametrize("epsilon", [1e-7, 0.3])  # the second is as large as the gradients
@pytest.mark.parametrize(("name", "decay"), [("kernel", 0.5), ("bias", 0.0)])
def test_adamw_equals_the_published_algorithm(name, decay, epsilon):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4)).astype("float32")
    gradients = rng.normal(0, 0.3, size=(6, 3, 4)).astype("float32")
    schedule = WarmupThenLinearDecay(0.1, 2, 6)
    variable = keras.Variable(start, name=name)
    optimizer = AdamW(schedule, weight_decay=0.5, epsilon=epsilon)
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
    expected = adamw_oracle(start, gradients, [float(schedule(t)) for t in range(6)], decay, epsilon)
    np.testing.assert_allclose(ops.convert_to_numpy(variable), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("broken", "clip_norm"),
    [
        (np.nan, None),
        (np.inf, None),
        (np.inf, 1e3),
        (-np.inf, 1e3),
        (np.nan, 1e3),
    ],
)
def test_adamw_counts_a_step_that_it_does_not_take_and_changes_nothing_else(broken, clip_norm):
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4)).astype("float32")
    gradients = [rng.normal(size=(3, 4)).astype("float32") for _ in range(4)]
    gradients[2][1, 1] = broken
    variable = keras.Variable(start, name="kernel")
    optimizer = AdamW(0.1, weight_decay=0.5, clip_norm=clip_norm)
    optimizer.build([variable])
    step = tf.function(lambda gradient: optimizer.step([gradient], [variable]), autograph=False)
    for gradient in gradients[:2]:
        step(tf.constant(gradient))
    kept = variable, *(v for v in optimizer.variables if "momentum" in v.path or "velocity" in v.path)
    assert len(kept) == 3
    before = [ops.convert_to_numpy(v).tobytes() for v in kept]
    step(tf.constant(gradients[2]))
    assert [ops.convert_to_numpy(v).tobytes() for v in kept] == before
    assert (int(optimizer.iterations), int(optimizer.skipped_steps)) == (3, 1)
    step(tf.constant(gradients[3]))
    expected = adamw_oracle(start, [*gradients[:2], None, gradients[3]], [0.1] * 4, 0.5, 1e-7)
    np.testing.assert_allclose(ops.convert_to_numpy(variable), expected, rtol=2e-5, atol=1e-6)


def test_a_step_of_adamw_compiles():
    gradient = tf.constant(np.random.default_rng(0).normal(size=(3, 4)), tf.float32)

    def step_twice(compiled):
        variable = keras.Variable(np.ones((3, 4), "float32"), name="kernel")
        optimizer = AdamW(0.1, weight_decay=0.5)
        optimizer.build([variable])
        step = tf.function(lambda: optimizer.step([gradient], [variable]), jit_compile=compiled, autograph=False)
        for _ in range(2):
            step()
        return ops.convert_to_numpy(variable)

    np.testing.assert_allclose(step_twice(True), step_twice(False), rtol=1e-5)


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match=r"training\.optimizer is 'sgd'; it must be one of lamb, adamw"):
        TrainingConfig(optimizer="sgd")
