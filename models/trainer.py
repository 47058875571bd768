"""The Trainer's `run_fn`: from Examples and a vocabulary to weights, a history and a SavedModel."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from models.config import ModelConfig
from models.dual_encoder import DualEncoder, build_dual_encoder
from models.export import ServedEncoder, export
from models.history import HISTORY_FILE, History
from models.input_pipeline import training_batches
from models.optimizer import build_optimizer
from models.tokenizer import Tokenizer
from models.training_config import TrainingConfig

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

WEIGHTS_FILE = "weights.weights.h5"


def run_fn(fn_args: FnArgs) -> None:
    """Train a dual encoder as configured and export it; called by the Trainer's executor.

    Args:
      fn_args: reads `train_files`, `serving_model_dir`, `model_run_dir` and `custom_config` with the keys "model" and
        "training" (fields of ModelConfig and TrainingConfig) and "vocabulary_file".

    Raises:
      ValueError: where the batch does not divide by the replicas or the data holds fewer images than a batch.
      FloatingPointError: where the loss is not finite.
    """
    config = fn_args.custom_config
    model, training = ModelConfig(**config["model"]), TrainingConfig(**config["training"])
    tokenizer = Tokenizer.from_file(config["vocabulary_file"], model.text_max_pieces)
    strategy = pick_strategy()
    check_batch_divides(training.batch, strategy.num_replicas_in_sync)
    keras.utils.set_random_seed(training.seed)
    batches = training_batches(fn_args.train_files, model, training, tokenizer)
    with strategy.scope():
        encoder = build_dual_encoder(model, training, tokenizer.size)
        optimizer = build_optimizer(training)
        optimizer.build(encoder.trainable_variables)  # else the step creates them, and is traced twice for that
        encoder.compile(optimizer=optimizer, jit_compile=False)  # XLA on CPUs is ten times slower for convolutions
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    history = History(
        os.path.join(fn_args.model_run_dir, HISTORY_FILE),
        steps=training.steps,
        batch=training.batch,
        log_every_steps=training.log_every_steps,
    )
    encoder.fit(batches, epochs=1, steps_per_epoch=training.steps, callbacks=[history], verbose=0)
    save_weights(encoder, os.path.join(fn_args.model_run_dir, WEIGHTS_FILE))
    served = build_dual_encoder(model, training, tokenizer.size)  # one device, no optimizer
    served.set_weights(encoder.get_weights())
    export(ServedEncoder(served, model, tokenizer), fn_args.serving_model_dir)


def pick_strategy() -> tf.distribute.Strategy:
    """Mirror the model over all GPUs, or over all logical CPUs where there is no GPU; one device needs no mirror."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def check_batch_divides(batch: int, replicas: int) -> None:
    """Raise ValueError where `replicas` cannot share a batch evenly."""
    if batch % replicas:
        raise ValueError(
            f"training.batch is {batch}, which {replicas} replicas cannot share evenly; set it to "
            f"{max(batch // replicas, 1) * replicas} or another multiple of {replicas}"
        )


def save_weights(encoder: DualEncoder, path: str) -> None:
    """Write the weights to a local or remote path, aside first, then renamed."""
    with tempfile.TemporaryDirectory() as scratch:  # Keras writes HDF5 to local files only
        local = os.path.join(scratch, WEIGHTS_FILE)
        encoder.save_weights(local)
        tf.io.gfile.copy(local, f"{path}.partial", overwrite=True)
    tf.io.gfile.rename(f"{path}.partial", path, overwrite=True)
