"""The Trainer's `run_fn`: from Examples and a vocabulary to weights, a history and a SavedModel."""

from __future__ import annotations

import dataclasses
import functools
import json
import platform
import posixpath
import tempfile
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from components.artifact_files import HISTORY_FILE, MODEL_FILE, MODEL_FOLDER, TRAINING_FILE
from components.config_fields import build_fields
from models.config import ModelConfig
from models.losses.objective import build_objective
from models.optimizers.optimizer import build_optimizer
from models.records.input_pipeline import explain_failure, training_batches
from models.records.record_files import count_records, find_files, keep_counts, read_counts, read_kept_counts
from models.saving.export import ServedEncoder, export
from models.saving.model_folder import read_model_folder, write_model_folder
from models.saving.whole import write_whole
from models.texts.tokenizer import Tokenizer
from models.towers.dual_encoder import build_dual_encoder
from models.training.checkpoints import Checkpoints, identity
from models.training.diagnosis import warnings
from models.training.history import TENSORBOARD_DIR, History
from models.training.loop import train
from models.training.step import Learner
from models.training.strategies import check_batch_divides, distribute, pick_strategy
from models.training.workers import Workers
from models.training_config import TrainingConfig
from serving.normal_form import MAX_IMAGE_PIXELS

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

KEPT_COUNTS_FILE = "record_counts.json"  # beside the checkpoints
_NOT_OF_THE_RESULT = ("strategy", "log_every_steps", "checkpoint_every_steps", "checkpoint_every_minutes")


def run_fn(fn_args: FnArgs) -> None:
    """Train a dual encoder as configured and export it; called by the Trainer's executor.

    A training of the same settings and files that was killed goes on from its last checkpoint.

    Args:
      fn_args: reads `train_files`, `serving_model_dir`, `model_run_dir` and `custom_config` with the keys "model" and
        "training" (fields of ModelConfig and TrainingConfig), "vocabulary_file", "checkpoints", a folder that
        outlives a killed run, "max_image_pixels", above which the served model refuses an image, and
        "record_counts_file", the table of how many records each file holds. Without one, or where a share of the data
        is used, the first start counts them.

    Raises:
      ValueError: where the batch does not divide by the replicas, the data holds fewer images than a batch, or the
        base model or the checkpoint does not fit.
      FloatingPointError: where too many steps have gradients that are not finite.
      Preempted: where SIGTERM came to this process or another worker's; training has been saved.
      WorkerLost: where another worker is gone.
    """
    config = fn_args.custom_config
    model = build_fields(ModelConfig, config["model"], "model")
    training = build_fields(TrainingConfig, config["training"], "training")
    strategy = pick_strategy(training.strategy)  # before anything else of TensorFlow
    check_batch_divides(training, strategy.num_replicas_in_sync)
    vocabulary_file = config["vocabulary_file"]
    tokenizer = Tokenizer.from_file(vocabulary_file, model.text_max_pieces)
    workers = Workers(strategy)
    writes = workers.is_chief
    patterns = fn_args.train_files
    files = find_files(patterns)
    name = _identity(model, training, [vocabulary_file, *files])
    workers.check_same(name)
    with tempfile.TemporaryDirectory() as nowhere:  # for workers beside the one that writes
        model_run = fn_args.model_run_dir if writes else nowhere
        tf.io.gfile.makedirs(model_run)
        learner = build_learner(strategy, model, training, tokenizer.size, vocabulary_file)
        history_file = posixpath.join(model_run, HISTORY_FILE)
        kept = posixpath.join(config["checkpoints"], name)
        checkpoints = Checkpoints(
            kept,
            name,
            learner.variables,
            {HISTORY_FILE: history_file},
            every_steps=training.checkpoint_every_steps,
            every_minutes=training.checkpoint_every_minutes,
            writes=writes,
        )
        first_step = _restore(checkpoints, workers)
        history = History(
            history_file,
            steps=training.steps,
            batch=training.batch,
            log_every_steps=training.log_every_steps,
            tensorboard_dir=posixpath.join(model_run, TENSORBOARD_DIR),
            diagnose=functools.partial(warnings, training),
        )
        if first_step < training.steps:
            counts = _count(files, training, config.get("record_counts_file"), kept, workers)
            make_batches = functools.partial(
                training_batches, patterns, model, training, tokenizer, first_step=first_step, counts=counts
            )
            batches = distribute(strategy, make_batches, training.micro_batches(strategy.num_replicas_in_sync))
            place = {"worker": workers.index, "workers": workers.count}
            explain = functools.partial(explain_failure, patterns, training, counts=counts, **place)
            train(learner, batches, strategy, workers, training, history, checkpoints, first_step, explain)
        if writes:
            write_model_folder(posixpath.join(model_run, MODEL_FOLDER), learner.encoder, model, vocabulary_file)
            told = {"training": dataclasses.asdict(training), "software": _software()}
            write_whole(posixpath.join(model_run, TRAINING_FILE), json.dumps(told, indent=2) + "\n")
            plain = dataclasses.replace(training, image_precision="float32", text_precision="float32")
            served = build_dual_encoder(model, plain, tokenizer.size)  # on one device, without an optimizer
            served.set_weights(learner.encoder.get_weights())
            export(
                ServedEncoder(served, model, tokenizer, config.get("max_image_pixels", MAX_IMAGE_PIXELS)),
                fn_args.serving_model_dir,
            )
        workers.tell(0)  # none is done before all are: one that had to be started again would wait for the others
        checkpoints.clear()


def build_learner(
    strategy: tf.distribute.Strategy, model: ModelConfig, training: TrainingConfig, pieces: int, vocabulary_file: str
) -> Learner:
    """Build all that a step reads and changes, from the seed or from `training.base_model`.

    Args:
      strategy: where variables live.
      model: sizes.
      training: everything else.
      pieces: size of the vocabulary.
      vocabulary_file: which a base model must share.
    """
    keras.utils.set_random_seed(training.seed)
    with strategy.scope():
        encoder = build_dual_encoder(model, training, pieces)
        if training.base_model is not None:
            base = read_model_folder(training.base_model)
            base.check_vocabulary(vocabulary_file)
            base.load_into(encoder)
        objective = build_objective(training, training.batch)
        return Learner(encoder, objective, build_optimizer(training))


def _software() -> dict[str, str]:
    """Returns name -> version of what trains."""
    return {"python": platform.python_version(), "tensorflow": tf.__version__, "keras": keras.__version__}


def _restore(checkpoints: Checkpoints, workers: Workers) -> int:
    """Put the state of all workers back to the checkpoint that the chief finds; returns its step."""
    if workers.is_chief:
        return workers.tell(checkpoints.restore())[0]
    step = workers.tell(0)[0]
    checkpoints.restore_step(step)
    return step


def _count(
    files: list[str], training: TrainingConfig, record_counts_file: str | None, kept: str, workers: Workers
) -> tuple[int, ...]:
    """Returns how many records of each file are used: by the table, where it says so, or as a start before counted."""
    if record_counts_file is not None and training.data_fraction == 1:
        return read_counts(record_counts_file, files)
    path = posixpath.join(kept, KEPT_COUNTS_FILE)
    counts = read_kept_counts(path)
    if counts is None or len(counts) != len(files):
        counts = count_records(files, training.data_fraction)
        if workers.is_chief:
            keep_counts(path, counts)
    return counts


def _identity(model: ModelConfig, training: TrainingConfig, files: list[str]) -> str:
    settings = dataclasses.asdict(training)
    if training.base_model is not None:
        with tf.io.gfile.GFile(posixpath.join(training.base_model, MODEL_FILE)) as facts:
            settings["base_model"] = facts.read()  # which has its weights' SHA-256
    for name in _NOT_OF_THE_RESULT:
        settings.pop(name)
    return identity({"model": dataclasses.asdict(model), "training": settings}, files)
