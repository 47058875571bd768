"""Reads a ModelServerConfig file again when it changes, as --model_config_file_poll_wait_seconds has it there."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import grpc

from serving.server.core.config_file import read_config
from serving.server.core.models import ServedModels
from serving.server.refusal import Refusal

_log = logging.getLogger(__name__)


class ConfigWatch:
    """A thread that looks into the file and reloads; what cannot be read or served is logged once and changes nothing.

    A label may move to a version that is still loading: such a file is tried again at each look, as there.

    Args:
      path: the file.
      models: what is served from it.
      every_s: seconds between two looks.
    """

    def __init__(self, path: Path, models: ServedModels, every_s: float) -> None:
        self._path, self._models, self._every_s = path, models, every_s
        self._last = self._content()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="config", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; a reload that has begun goes on by itself."""
        self._stopped.set()

    def _work(self) -> None:
        said = ""
        while not self._stopped.wait(self._every_s):
            content = self._content()
            if content == self._last:
                continue
            try:
                self._models.reload(read_config(self._path))
                said = ""
            except (ValueError, Refusal) as error:
                if str(error) != said:
                    _log.error("the models go on as they were: %s", error)
                said = str(error)
                if isinstance(error, Refusal) and error.code is grpc.StatusCode.FAILED_PRECONDITION:
                    continue
            self._last = content

    def _content(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except OSError:
            return None
