"""What is written aside and appears under its name whole, or not at all, on any file system that TensorFlow reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import tensorflow as tf

ASIDE = ".partial"  # behind the name of what is being written
BEFORE = ".old"  # behind that of a folder whose successor is put in its place


@contextmanager
def whole_folder(folder: str) -> Iterator[str]:
    """Yield an empty folder beside `folder`, which takes its place, and that of an older one, when the block ends well.

    Where the block raises, it is deleted, and an older one is untouched.
    """
    folder = folder.rstrip("/")
    aside, before = folder + ASIDE, folder + BEFORE
    try:
        _remove(aside)  # of a writer that was killed
        tf.io.gfile.makedirs(aside)
        yield aside
        if tf.io.gfile.exists(folder):
            _remove(before)
            tf.io.gfile.rename(folder, before)
        tf.io.gfile.rename(aside, folder)
    except BaseException:
        with suppress(tf.errors.OpError):
            _remove(aside)
        raise
    _remove(before)


def write_whole(path: str, text: str) -> None:
    """Write a text file, in the place of an older one."""
    with tf.io.gfile.GFile(path + ASIDE, "w") as file:
        file.write(text)
    tf.io.gfile.rename(path + ASIDE, path, overwrite=True)


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
