"""Our side of step.py: one training step on the JAX backend, compiled whole, its buffers donated.

Started by step.py with KERAS_BACKEND=jax and a job as JSON. Loads no TensorFlow.

Legend: G batch, L word pieces.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from benchmarks.shared.in_turn import serve
from models.config import ModelConfig
from models.losses.objective import Embedded, build_objective
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig


def main() -> None:
    job = json.loads(sys.argv[1])
    keras.config.set_dtype_policy("mixed_bfloat16")  # weights, statistics and the loss stay float32
    model = ModelConfig(
        image=job["image"],
        text=job["text"],
        image_resize_px=job["px"],
        image_crop_px=job["px"],
        text_max_pieces=job["pieces"],
        embedding=job["features"],  # as the peer, which has no linear layer for images
    )
    training = TrainingConfig(batch=job["batch"], image_precision="bfloat16", text_precision="bfloat16")
    encoder = build_dual_encoder(model, training, job["vocabulary"])
    objective = build_objective(training, job["batch"])
    optimizer = keras.optimizers.AdamW(job["learning_rate"], weight_decay=job["weight_decay"])
    optimizer.build(encoder.trainable_variables)
    temperature = [weight.path for weight in encoder.trainable_variables].index(encoder.temperature.path)

    rng = np.random.default_rng(0)
    batch = {
        "image": jax.device_put(rng.uniform(-1, 1, (job["batch"], job["px"], job["px"], 3)).astype(np.float32)),
        "token_ids": jax.device_put(rng.integers(5, job["vocabulary"], (job["batch"], job["pieces"])).astype(np.int32)),
    }

    def loss(trained: list[Any], kept: list[Any], batch: dict[str, Any]) -> tuple[Any, list[Any]]:
        outputs, kept = encoder.stateless_call(trained, kept, batch, training=True)
        everyone = Embedded(*(ops.cast(outputs[side], "float32") for side in ("image", "text")))
        row = ops.convert_to_tensor(0, "int32")
        return objective(everyone, everyone, row, trained[temperature]).loss, kept

    def step(trained: Any, kept: Any, moments: Any, batch: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
        (value, kept), gradients = jax.value_and_grad(loss, has_aux=True)(trained, kept, batch)
        trained, moments = optimizer.stateless_apply(moments, gradients, trained)
        return value, trained, kept, moments

    # Copies, since a donated buffer is gone after the step.
    state = [
        [jax.numpy.array(variable.value) for variable in variables]
        for variables in (encoder.trainable_variables, encoder.non_trainable_variables, optimizer.variables)
    ]
    lowered = jax.jit(step, donate_argnums=(0, 1, 2)).lower(*state, batch)
    cost = lowered.cost_analysis()  # before XLA replaces convolutions by calls of cuDNN, which it counts as nothing
    compiled = lowered.compile()
    losses = []

    def steps() -> None:
        for _ in range(job["steps"]):
            value, *state[:] = compiled(*state, batch)
        losses.append(float(value))  # waits for the step

    steps()
    if not np.isfinite(losses[-1]):
        raise FloatingPointError(f"the loss is {losses[-1]} after {job['steps']} steps; the figures would mean nothing")
    about = {
        "device": jax.devices()[0].device_kind,
        "flops": float((cost[0] if isinstance(cost, list) else cost)["flops"]),
        "weights": int(sum(weight.size for weight in state[0])),
        "loss": losses[-1],
        "versions": f"jax {jax.__version__}, keras {keras.__version__}",
    }
    serve({job["name"]: steps}, about)


if __name__ == "__main__":
    main()
