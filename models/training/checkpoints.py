"""What training resumes from after it was killed: all state at one step, on disk whole or not at all."""

from __future__ import annotations

import hashlib
import json
import posixpath
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from models.saving.whole import ASIDE, BEFORE, whole_folder

KEPT = 2  # the newest, and the one before in case the newest cannot be read
STATE = "state"  # prefix of TensorFlow's own files
ABOUT_FILE = "about.json"
_UNREADABLE = (tf.errors.OpError, OSError, KeyError, json.JSONDecodeError)


def identity(config: Mapping[str, Any], files: Sequence[str]) -> str:
    """Returns a name for all that training's result follows from: settings, and files by path, size and time.

    Args:
      config: settings, as JSON would have them.
      files: what is read.
    """
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for path in files:
        found = tf.io.gfile.stat(path)
        digest.update(f"\n{path} {found.length} {found.mtime_nsec}".encode())
    return digest.hexdigest()[:16]


class Checkpoints:
    """The checkpoints of one training, in a folder of their own.

        <folder>/step-00001200/about.json   {"step", "identity", "shapes"}
                               state.*      every variable, as tf.train.Checkpoint writes it
                               <name>       files that are to go on from that step, such as a history

    A checkpoint is written to a folder aside and renamed; those before are removed after that.

    Args:
      folder: local or remote.
      identity: name of the training; a checkpoint of another is refused.
      variables: all state, in an order that the same training always has.
      files: name -> path of each file that grows beside training: kept in a checkpoint, put back when it is restored.
      every_steps, every_minutes: a checkpoint is due when either has passed since the last; None never by that.
      writes: whether this process writes for all; the others of several workers only read.
    """

    def __init__(
        self,
        folder: str,
        identity: str,
        variables: Sequence[keras.Variable],
        files: Mapping[str, str],
        *,
        every_steps: int | None,
        every_minutes: float | None,
        writes: bool = True,
    ) -> None:
        self._folder, self._identity = folder.rstrip("/"), identity
        self._every_steps, self._every_minutes, self._writes = every_steps, every_minutes, writes
        self._files = dict(files)
        # Not their names: Keras numbers layers as a process builds them, so a second model's differ from the first's.
        self._shapes = [[*variable.shape] for variable in variables]
        self._checkpoint = tf.train.Checkpoint(variables=[variable.value for variable in variables])
        self._last_step, self._last_time = 0, time.monotonic()

    def restore(self) -> int:
        """Put all state back to the newest checkpoint that can be read.

        Returns:
          The step it was written after; 0 where there is no checkpoint.

        Raises:
          ValueError: where there are checkpoints and none of them can be read, or one is of another training.
        """
        why = ""
        for folder in reversed(self._found()):
            try:
                about = self._read(folder)
            except _UNREADABLE as error:
                why = str(error).splitlines()[0]
                logging.warning("the checkpoint %s cannot be read (%s); the one before is tried", folder, why)
                continue
            return about["step"]
        if why:
            raise ValueError(
                f"no checkpoint in {self._folder} can be read ({why}); remove that folder to train from step 0"
            )
        return 0

    def restore_step(self, step: int) -> None:
        """Put all state back to the checkpoint that another worker went back to.

        Args:
          step: that its `restore` returned.

        Raises:
          ValueError: where this worker cannot read that one, or it is of another training.
        """
        if step == 0:
            return
        folder = self._of_step(step)
        try:
            self._read(folder)
        except _UNREADABLE as error:
            raise ValueError(
                f"the chief goes on from the checkpoint {folder}, which this worker cannot read "
                f"({str(error).splitlines()[0]}); put checkpoints where all workers read and write the same files"
            ) from error

    def is_due(self, step: int) -> bool:
        """Says whether a checkpoint is to be written after `step`."""
        by_steps = self._every_steps is not None and step - self._last_step >= self._every_steps
        minutes = (time.monotonic() - self._last_time) / 60
        return by_steps or (self._every_minutes is not None and minutes >= self._every_minutes)

    def save(self, step: int) -> bool:
        """Write all state as it is after `step`.

        Args:
          step: optimizer steps taken.

        Returns:
          Whether it was written; where it could not be, a warning says why and the checkpoints before are untouched.
        """
        if not self._writes:
            return True
        whole = self._of_step(step)
        try:
            with whole_folder(whole) as aside:
                self._write(aside, step)
        except (tf.errors.OpError, OSError) as error:
            logging.warning("the checkpoint of step %d could not be written: %s", step, str(error).splitlines()[0])
            return False
        finally:
            self._last_step, self._last_time = step, time.monotonic()
        for old in self._found()[:-KEPT]:
            tf.io.gfile.rmtree(old)
        return True

    def clear(self) -> None:
        """Remove all checkpoints: the training is over."""
        if self._writes and tf.io.gfile.exists(self._folder):
            tf.io.gfile.rmtree(self._folder)

    def _of_step(self, step: int) -> str:
        return posixpath.join(self._folder, f"step-{step:08d}")

    def _found(self) -> list[str]:
        """Returns the folders of whole checkpoints, oldest first."""
        folders = tf.io.gfile.glob(posixpath.join(self._folder, "step-*"))
        return sorted(folder for folder in folders if not folder.endswith((ASIDE, BEFORE)))

    def _read(self, folder: str) -> dict[str, Any]:
        with tf.io.gfile.GFile(posixpath.join(folder, ABOUT_FILE)) as file:
            about = json.loads(file.read())
        if (about["identity"], about["shapes"]) != (self._identity, self._shapes):
            raise ValueError(
                f"{folder} is a checkpoint of another training ({about['identity']}, this is {self._identity}); remove "
                f"{self._folder} to train from step 0"
            )
        self._checkpoint.read(posixpath.join(folder, STATE)).assert_existing_objects_matched()
        for name, path in self._files.items():
            tf.io.gfile.copy(posixpath.join(folder, name), path, overwrite=True)
        self._last_step, self._last_time = about["step"], time.monotonic()
        return about

    def _write(self, aside: str, step: int) -> None:
        self._checkpoint.write(posixpath.join(aside, STATE))
        for name, path in self._files.items():
            tf.io.gfile.copy(path, posixpath.join(aside, name), overwrite=True)
        about = {"step": step, "identity": self._identity, "shapes": self._shapes}
        with tf.io.gfile.GFile(posixpath.join(aside, ABOUT_FILE), "w") as file:
            file.write(json.dumps(about))
