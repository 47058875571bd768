"""A folder that is written aside and appears whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
    aside = folder.with_name(f"{folder.name}.partial")
    try:
        if aside.exists():  # of a writer that was killed
            shutil.rmtree(aside)
        aside.mkdir(parents=True)
        yield aside
        aside.rename(folder)
    except BaseException as error:
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError):
            raise OSError(f"{folder} could not be written: {error}; make room or choose another folder") from error
        raise
