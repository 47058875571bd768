"""A folder of this machine that is written aside and appears whole, or not at all, and takes no other's place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tensorflow as tf

from models.saving.whole import whole_folder


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder` that is renamed to it at the end, or deleted where an error is raised.

    A link is followed, and stays one.

    Raises:
      ValueError: where `folder` is there already and is not an empty folder.
      OSError: where it cannot be written; the message names it.
    """
    folder = Path(os.path.realpath(folder))
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"{folder} is there already; give a folder that is not, or delete it first")
    try:
        with whole_folder(str(folder)) as aside:
            yield Path(aside)
    except (OSError, tf.errors.OpError) as error:
        raise OSError(f"{folder} could not be written: {error}; make room or choose another folder") from error
