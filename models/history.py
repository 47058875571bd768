"""Training's diary: one JSON object a line, readable while training runs."""

from __future__ import annotations

import json
import math
import time

import keras
import tensorflow as tf

HISTORY_FILE = "history.jsonl"
MEASURES = ("loss", "temperature", "in_batch_recall_at_1")  # what the model's train_step returns


class History(keras.callbacks.Callback):
    """Write a history file after step 1, every `log_every_steps` steps and after the last step; stop on NaN.

    A line holds {"step", "steps", "loss", "temperature", "learning_rate", "in_batch_recall_at_1", "pairs_per_s",
    "seconds", "seconds_left"}. The rate of learning is the one that the step used; the speed is that since the line
    before, and on the first line it contains building the graph, so it promises nothing there. Each line is flushed.

    Args:
      path: file to write, anew.
      steps: optimizer steps in all.
      batch: G, pairs a step.
      log_every_steps: steps between two lines.
    """

    def __init__(self, path: str, *, steps: int, batch: int, log_every_steps: int) -> None:
        super().__init__()
        self._path, self._steps, self._batch, self._log_every_steps = path, steps, batch, log_every_steps

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._file = tf.io.gfile.GFile(self._path, "w")
        self._step = self._step_of_last_line = 0
        self._begin = self._time_of_last_line = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self._step += 1
        measures = {name: float((logs or {})[name]) for name in MEASURES}
        if not math.isfinite(measures["loss"]):
            self._file.close()
            raise FloatingPointError(
                f"the loss is {measures['loss']} at step {self._step} of {self._steps}, where the learning rate is "
                f"{self._learning_rate():.3g} and the temperature {measures['temperature']:.3g}; lower "
                "training.learning_rate or lengthen training.warmup_steps"
            )
        if self._step == 1 or self._step % self._log_every_steps == 0 or self._step == self._steps:
            self._write_line(measures)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._file.close()

    def _learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _write_line(self, measures: dict[str, float]) -> None:
        now = time.monotonic()
        seconds_per_step = (now - self._time_of_last_line) / (self._step - self._step_of_last_line)
        line = {
            "step": self._step,
            "steps": self._steps,
            **measures,
            "learning_rate": self._learning_rate(),
            "pairs_per_s": self._batch / seconds_per_step,
            "seconds": now - self._begin,
            "seconds_left": (self._steps - self._step) * seconds_per_step,
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        self._time_of_last_line, self._step_of_last_line = now, self._step
