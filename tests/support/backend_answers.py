"""What the towers, the dual encoder and every loss answer on Keras's backend of this process, from NumPy's numbers.

Usage: KERAS_BACKEND=jax python backend_answers.py ANSWERS.npz, or imported where another backend runs already.
Legend: B = 4 own pairs, G = 8 pairs, D embedding dimension.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from models.config import ModelConfig
from models.losses.objective import Embedded, Objective, build_objective
from models.towers.dual_encoder import DualEncoder, build_dual_encoder
from models.training_config import TrainingConfig

MODEL = ModelConfig(
    image_width_coefficient=0.25,
    image_stem_stride=1,
    image_depth_coefficient=0.3,  # two blocks in the sixth stage, one of which adds
    image_resize_px=32,
    image_crop_px=32,
    text_layers=1,
    text_hidden=16,
    text_heads=2,
    text_intermediate=32,
    text_max_pieces=8,
    embedding=12,
    dropout=0.0,  # nothing random: backends draw different numbers from one seed
    drop_connect=0.0,
)
LOSSES = {
    "softmax": {},
    "windowed softmax": {"negatives": 0.5},
    "multi_positive": {"loss": "multi_positive"},
    "sigmoid": {"loss": "sigmoid"},
}
PIECES, OWN, PAIRS, OFFSET = 30, 4, 8, 4
TEMPERATURE = 0.2


def answers() -> dict[str, np.ndarray]:
    """Returns name -> answer: vectors, updated statistics, and of each loss the value, the recall and gradients."""
    encoder = _encoder()
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.6, 0.6, (PAIRS, MODEL.image_crop_px, MODEL.image_crop_px, 3))
    # Deep in the tower mere noise is all alike, and what is alike loses digits when it is normalised: so a colour each.
    images = (noise + rng.uniform(-0.4, 0.4, (PAIRS, 1, 1, 3))).astype(np.float32)
    token_ids = rng.integers(1, PIECES, (PAIRS, MODEL.text_max_pieces)).astype(np.int32)
    token_ids[:, 5:] *= rng.integers(0, 2, (PAIRS, 1)).astype(np.int32)  # half of them end in [PAD]
    batch = {"image": images, "token_ids": token_ids}
    found: dict[str, np.ndarray] = {}
    vectors = {side: _unit(rng.normal(size=(PAIRS, MODEL.embedding))) for side in ("images", "texts")}
    for name, settings in LOSSES.items():
        training = TrainingConfig(steps=1, warmup_steps=0, batch=PAIRS, **settings)
        found |= _of_loss(name, build_objective(training, PAIRS), vectors)
    trained, statistics = _of_step(encoder, build_objective(TrainingConfig(batch=PAIRS), PAIRS), batch)
    found |= {
        f"step, gradient {weight.path}": gradient
        for weight, gradient in zip(encoder.trainable_weights, trained, strict=True)
    }
    found |= {
        f"step, statistic {variable.path}": value
        for variable, value in zip(encoder.non_trainable_variables, statistics, strict=True)
        if "moving" in variable.path  # the others are seeds, of which each backend draws its own
    }
    for variable, value in zip(encoder.non_trainable_variables, statistics, strict=True):
        variable.assign(value)  # without which a tower of uneven weights would not tell images apart
    embedded = _compiled(lambda: encoder(batch, training=False))
    return found | {f"inference {side}": ops.convert_to_numpy(x) for side, x in embedded.items()}


def _encoder() -> DualEncoder:
    """Returns an encoder whose weights follow from their place in the list of weights, on any backend alike."""
    encoder = build_dual_encoder(MODEL, TrainingConfig(initial_temperature=TEMPERATURE), PIECES)
    for place, weight in enumerate(encoder.weights):
        noise = np.random.default_rng(place).normal(size=weight.shape)
        if weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(1 + 0.2 * np.tanh(noise))
        elif weight.path.endswith(("beta", "bias", "moving_mean")):
            weight.assign(0.1 * noise)
        elif len(weight.shape) > 1:
            weight.assign(noise / np.sqrt(np.prod(weight.shape[:-1])))
    for layer in encoder.image_tower._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # one batch's statistics are enough
    return encoder


def _of_loss(name: str, objective: Objective, vectors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns what a replica that owns the last B of the G pairs computes, and its gradients."""
    ids = np.array([[0, 1], [2, 3], [0, 1], [4, 5], [2, 3], [6, 7], [8, 9], [4, 5]], np.int32)  # [G, 2]

    def loss(images: Any, texts: Any, temperature: Any) -> tuple[Any, Any]:
        everyone = Embedded(images, texts, ops.convert_to_tensor(ids), ops.convert_to_tensor(ids[::-1].copy()))
        own = Embedded(*(side[OFFSET : OFFSET + OWN] for side in everyone))
        scored = objective(own, everyone, ops.convert_to_tensor(OFFSET, "int32"), temperature)
        return scored.loss, scored.recall_at_1

    value, recall, gradients = _differentiate(
        loss, [vectors["images"], vectors["texts"], np.array(TEMPERATURE, np.float32)]
    )
    found = {
        "loss": value,
        "recall": recall,
        **dict(zip(("to images", "to texts", "to temperature"), gradients, strict=True)),
    }
    return {f"{name}, {key}": ops.convert_to_numpy(answer) for key, answer in found.items()}


def _of_step(
    encoder: DualEncoder, objective: Objective, batch: dict[str, np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns gradients of all weights through both towers in training mode, and batch norm's new statistics."""
    kept = [ops.convert_to_tensor(variable) for variable in encoder.non_trainable_variables]
    temperature = [weight.path for weight in encoder.trainable_weights].index(encoder.temperature.path)

    def loss(*weights: Any) -> tuple[Any, Any]:
        outputs, statistics = encoder.stateless_call(list(weights), kept, batch, training=True)
        everyone = Embedded(outputs["image"], outputs["text"])
        none = ops.convert_to_tensor(0, "int32")
        return objective(everyone, everyone, none, weights[temperature]).loss, statistics

    start = [ops.convert_to_numpy(weight) for weight in encoder.trainable_weights]
    _, statistics, gradients = _differentiate(loss, start)
    return [ops.convert_to_numpy(g) for g in gradients], [ops.convert_to_numpy(s) for s in statistics]


def _differentiate(function: Callable[..., tuple[Any, Any]], inputs: list[np.ndarray]) -> tuple[Any, Any, Any]:
    """Returns the function's value, what it returns beside, and the value's gradient with respect to each input."""
    tensors = [ops.convert_to_tensor(x) for x in inputs]
    if keras.backend.backend() == "jax":
        import jax

        places = tuple(range(len(tensors)))
        (value, beside), gradients = jax.jit(jax.value_and_grad(function, argnums=places, has_aux=True))(*tensors)
        return value, beside, gradients
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value, beside = function(*tensors)
    return value, beside, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(value, tensors)]  # also sparse


def _compiled(function: Callable[[], Any]) -> Any:
    """Returns what the function returns; JAX would compile each of its operations by itself, which takes longer."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)()
    return function()


def _unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


if __name__ == "__main__":
    np.savez(sys.argv[1], **answers())
    print(" ".join(sorted({name.partition(".")[0] for name in sys.modules})))
