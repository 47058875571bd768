"""The history of a training as event files, which TensorBoard shows; TensorBoard itself is not needed to write them.

By hand, since tf.summary can neither give a point a time that is past, as a resumed training does when it writes points
again, nor write the mark of a restart, without which a TensorBoard that is running draws them twice.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

TAGS = {  # measure of a history line -> its name in TensorBoard
    "loss": "training/loss",
    "in_batch_recall_at_1": "training/in_batch_recall_at_1",
    "temperature": "training/temperature",
    "gradient_norm": "training/gradient_norm",
    "learning_rate": "training/learning_rate",
    "skipped_steps": "training/skipped_steps",
    "pairs_per_s": "speed/pairs_per_s",
    "input_wait": "speed/input_wait",
}
WARNING_TAG = "warnings/{name}"  # under TensorBoard's Text
_FILE_PREFIX = "events.out.tfevents."  # by which TensorBoard knows them
_FORMAT = "brain.Event:2"


class EventFile:
    """One event file, written line by line; it takes the place of those that an earlier process left.

    A history is short, so a resumed training writes the lines that it keeps anew. The file begins with the mark of a
    restart, at which a TensorBoard that is running forgets what it read of the steps from there.

    Args:
      directory: local or remote; made where it is missing.
      kept: lines of the history to begin with.
      began: Unix time that the lines' "seconds" count from.
    """

    def __init__(self, directory: str, kept: Iterable[Mapping[str, Any]], began: float) -> None:
        self._began = began
        self._holding: set[str] = set()  # warnings at the last line
        tf.io.gfile.makedirs(directory)
        earlier = tf.io.gfile.glob(os.path.join(directory, f"{_FILE_PREFIX}*"))
        name = f"{_FILE_PREFIX}{time.time_ns() // 1_000_000_000:010d}.{socket.gethostname()}.{os.getpid()}"
        for path in earlier:
            tf.io.gfile.remove(path)
        self._writer = tf.io.TFRecordWriter(os.path.join(directory, name))
        self._add(began, file_version=_FORMAT)
        restart = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        self._add(began, step=1, session_log=restart)
        for line in kept:
            self._write(line)
        self._writer.flush()

    def write(self, line: Mapping[str, Any]) -> None:
        """Add a line's measures, and each warning where it begins to hold; readers see them at once."""
        self._write(line)
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        values = [
            tf.compat.v1.Summary.Value(tag=tag, simple_value=line[name])
            for name, tag in TAGS.items()
            if not (tag.startswith("speed/") and math.isnan(line[name]))  # not known; a loss that is NaN is known
        ]
        warnings = line["warnings"]
        values += [_text(WARNING_TAG.format(name=name), warnings[name]) for name in warnings.keys() - self._holding]
        self._holding = set(warnings)
        self._add(self._began + line["seconds"], step=line["step"], summary=tf.compat.v1.Summary(value=values))

    def _add(self, when: float, **fields: Any) -> None:
        self._writer.write(tf.compat.v1.Event(wall_time=when, **fields).SerializeToString())


def _text(tag: str, words: str) -> tf.compat.v1.Summary.Value:
    plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="text")
    return tf.compat.v1.Summary.Value(
        tag=tag,
        tensor=tf.make_tensor_proto([words], dtype=tf.string),
        metadata=tf.compat.v1.SummaryMetadata(plugin_data=plugin),
    )
