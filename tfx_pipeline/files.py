"""Writes the files that a user names."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from pathlib import Path

from tfx_pipeline.settings.config import ConfigError


def write_file(path: Path, content: bytes, said: str) -> None:
    """Write a file aside and then rename it: a reader sees all of it or none.

    A link is followed, and stays one. What is no regular file, such as a device or a FIFO, is written into.

    Args:
      path: where to; its folder is made where it is not there.
      content: of the file.
      said: how a message names the path.

    Raises:
      ConfigError: where it cannot be written.
    """
    aside = None
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        target = Path(os.path.realpath(path))
        if target.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.{os.getpid()}")
        aside.write_bytes(content)
        if target.exists():
            shutil.copymode(target, aside)
        aside.replace(target)
    except OSError as error:
        if aside is not None:
            with contextlib.suppress(OSError):
                aside.unlink()
        raise ConfigError(
            f"{said} cannot be written ({error.strerror}); make room there or name another place"
        ) from error
