"""The loop around the step: fetch, step, write down, save; until the last step, or until the machine is wanted back.

Our own rather than Keras's fit, which hides the iterator inside the step: here the wait for input is measured, training
goes on from any step, and a batch is a function of its number.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import keras
import tensorflow as tf

from models.training.checkpoints import Checkpoints
from models.training.history import MEASURES, History
from models.training.step import Learner
from models.training.workers import Workers
from models.training_config import TrainingConfig

Step = Callable[[Any], Mapping[str, tf.Tensor]]
Explain = Callable[[int, tf.errors.OpError], str]  # number of a batch, from 0, and why it could not be made -> sentence


class Preempted(RuntimeError):
    """This process, or another worker's, was told to end while it trained."""


def compile_step(learner: Learner, strategy: tf.distribute.Strategy) -> Step:
    """Returns the step on all replicas as one graph: a batch of `distribute` -> the measures' means over replicas."""

    @tf.function(autograph=False, jit_compile=False)  # XLA on CPUs is ten times slower for convolutions
    def step(batch: Any) -> dict[str, tf.Tensor]:
        measures = strategy.run(learner.step, args=(batch,))
        return {name: strategy.reduce("MEAN", measures[name], axis=None) for name in MEASURES}

    return step


def train(
    learner: Learner,
    batches: Iterator[Any],
    strategy: tf.distribute.Strategy,
    workers: Workers,
    training: TrainingConfig,
    history: History,
    checkpoints: Checkpoints,
    first_step: int,
    explain: Explain,
) -> None:
    """Take the steps from `first_step` to the last.

    Args:
      learner: what is trained.
      batches: of `first_step` and on.
      strategy: on whose replicas.
      workers: of that strategy.
      training: how many steps, and how many may be skipped.
      history: told of the steps that it says are due.
      checkpoints: written when due, after the last step, and when SIGTERM comes to any worker.
      first_step: steps that were taken already.
      explain: says which file or record is broken where a batch cannot be made.

    Raises:
      ValueError: where a batch cannot be made.
      FloatingPointError: where more steps were skipped than `training.max_skipped_steps`.
      Preempted: after SIGTERM to any worker, once a checkpoint is written; in all workers after the same step.
      WorkerLost: where another worker is gone.
    """
    step_on = compile_step(learner, strategy)
    history.begin(first_step)
    waited_s = 0.0
    try:
        with EndRequest() as end_request:
            for step in range(first_step + 1, training.steps + 1):
                rate = learner.optimizer.learning_rate if history.is_due(step) else None
                began = time.monotonic()
                try:
                    batch = next(batches)
                except tf.errors.OpError as error:
                    raise ValueError(explain(step - 1, error)) from error
                waited_s += time.monotonic() - began
                with workers.needed():
                    measures = step_on(batch)
                    del batch  # which would be held beside the next one
                    found = {} if rate is None else {name: float(value) for name, value in measures.items()}
                if rate is not None:
                    learning_rate = float(keras.ops.convert_to_numpy(rate))
                    history.record(step, found, learning_rate=learning_rate, waited_s=waited_s)
                    waited_s = 0.0
                    _check_skipped(found, step, training)
                last = step == training.steps
                saved = checkpoints.save(step) if last or checkpoints.is_due(step) else None
                if not last and any(workers.tell(end_request.came)):
                    saved = checkpoints.save(step) if saved is None else saved
                    saved = bool(workers.tell(saved)[0])  # and none leaves before that is done
                    raise Preempted(
                        f"told to end (SIGTERM) at step {step} of {training.steps}; "
                        + ("run again to go on from there" if saved else "the checkpoint could not be written")
                    )
    finally:
        history.end()


class EndRequest:
    """While entered, SIGTERM is noted in `came` instead of ending the process; of a program's main thread alone."""

    def __init__(self) -> None:
        self.came = False

    def __enter__(self) -> EndRequest:
        self._heard = threading.current_thread() is threading.main_thread()
        if self._heard:
            self._before = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._heard:
            signal.signal(signal.SIGTERM, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.came = True


def _check_skipped(measures: Mapping[str, float], step: int, training: TrainingConfig) -> None:
    skipped = int(measures["skipped_steps"])
    if skipped > training.max_skipped_steps:
        raise FloatingPointError(
            f"{skipped} of {step} steps had gradients that are not finite and were skipped, more than "
            f"training.max_skipped_steps = {training.max_skipped_steps}; the loss is {measures['loss']:.3g} and the "
            f"temperature {measures['temperature']:.3g}: lower training.learning_rate, lengthen training.warmup_steps "
            "or set training.clip_norm"
        )
