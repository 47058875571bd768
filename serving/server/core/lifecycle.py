"""From what lies in a model's folder to loaded versions: new before old, failures again later, drained before unload.

One thread calls `look` and `act` (serving/server/core/models.py). Requests never wait for it: they read what was
published last.
"""

from __future__ import annotations

import logging
import math
import queue
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from serving.server.core import memory
from serving.server.core.folders import FolderWatch, VersionFolder
from serving.server.core.policies import aspired
from serving.server.core.servable import CODES
from serving.server.core.status import State, StatusBoard, VersionStatus
from serving.server.core.version import Version
from serving.server.monitoring.observer import Monitoring

RETRY_S = 2.0  # after a first failed load; twice as long after each further one
LONGEST_RETRY_S = 300.0
_log = logging.getLogger(__name__)

Loader = Callable[[str, int, VersionFolder], Version]
Publisher = Callable[[str, Mapping[int, Version]], None]


@dataclass(frozen=True)
class _Failure:
    folder: VersionFolder
    attempts: int
    due: float  # time.monotonic() seconds


class ModelLifecycle:
    """The versions of one model.

    Attributes:
      name: what requests call the model.
    """

    def __init__(
        self,
        name: str,
        board: StatusBoard,
        load: Loader,
        publish: Publisher,
        wake: Callable[[], None],
        monitoring: Monitoring,
    ) -> None:
        """Begin without versions.

        Args:
          name: of the model.
          board: takes down how far each version is.
          load: returns a loaded and warm version, or raises whatever keeps it from that.
          publish: takes the versions that answer from now on.
          wake: called, in whatever thread, when `act` has something to do.
          monitoring: where loads are measured.
        """
        self.name = name
        self._board, self._load_version, self._publish, self._wake = board, load, publish, wake
        self._monitoring = monitoring
        self._watch: FolderWatch
        self._policy: Any
        self._found: dict[int, VersionFolder] = {}
        self._loaded: dict[int, tuple[Version, VersionFolder]] = {}
        self._failures: dict[int, _Failure] = {}
        self._draining: set[Version] = set()
        self._drained: queue.SimpleQueue[Version] = queue.SimpleQueue()
        self._problems: dict[str, str] = {}  # of what -> one sentence

    @property
    def problem(self) -> str:
        """What keeps a version from answering that should, in one sentence, or ""."""
        return next(filter(None, self._problems.values()), "")

    @property
    def is_settling(self) -> bool:
        """Whether a version may still be under way into the folder."""
        return any(not folder.is_settled for folder in self._found.values())

    def configure(self, watch: FolderWatch, policy: Any) -> None:
        """Take the versions from a folder by a ServableVersionPolicy; loaded ones stay until those are there."""
        self._watch, self._policy = watch, policy
        self._found, self._failures = {}, {}

    def look(self) -> None:
        """See what the folder holds now; what cannot be read changes nothing."""
        try:
            self._found = self._watch.look()
        except OSError as error:
            self._state("folder", f"the versions of model {self.name} cannot be read: {error}")
            return
        self._state("folder", "")
        self._failures = {number: failure for number, failure in self._failures.items() if number in self._found}

    def act(self) -> float:
        """Load and unload what the folder and the policy ask for; returns after how many seconds to act again."""
        self._unload_drained()
        there = {
            number: folder if folder.is_settled else self._loaded[number][1]
            for number, folder in self._found.items()
            if folder.is_settled or number in self._loaded
        }
        wanted = aspired(self._policy, there)
        for number in wanted:
            if number not in self._loaded and number not in self._failures:
                self._board.put(self.name, VersionStatus(number, State.START))
        for number in reversed(wanted):
            self._load(number, there[number])
        if not self._loaded and self._policy.WhichOneof("policy_choice") in (None, "latest"):
            older = (number for number in sorted(there, reverse=True) if number not in wanted)
            next((number for number in older if self._load(number, there[number])), None)
        if any(self._has(number, there[number]) for number in wanted):
            self._retire([number for number in self._loaded if number not in wanted])
        base = self._watch.base
        none = f"{base} holds no complete model version that is asked for; push one to {base}/<number>/ first"
        self._state("versions", "" if wanted or self.is_settling else none)
        due = (failure.due for failure in self._failures.values())
        return max(0.0, min(due, default=math.inf) - time.monotonic())

    def remove(self) -> bool:
        """Unload every version, each once its requests ended; says whether none is left. For `act`'s thread."""
        self._found, self._failures = {}, {}
        self._retire(list(self._loaded))
        self._unload_drained()
        return not self._draining

    def _has(self, number: int, folder: VersionFolder) -> bool:
        """Says whether a version is loaded, and from that very folder as it is now."""
        loaded = self._loaded.get(number)
        return loaded is not None and (loaded[1].path, loaded[1].model) == (folder.path, folder.model)

    def _load(self, number: int, folder: VersionFolder) -> bool:
        """Says whether a version answers, after loading it where that is due."""
        if self._has(number, folder):
            return True
        failure = self._failures.get(number)
        if failure is not None and failure.folder.content != folder.content:
            failure = None
        if failure is not None and time.monotonic() < failure.due:
            return False
        before = self._loaded.get(number)
        if before is None:
            self._board.put(self.name, VersionStatus(number, State.LOADING))
        started = time.monotonic()
        seconds, version = 0.0, None
        try:
            version = self._load_version(self.name, number, folder)
        except Exception as error:  # a foreign model's load may raise anything; this thread goes on with the others
            self._fail(number, folder, error, 1 if failure is None else failure.attempts + 1)
            return False
        finally:
            seconds = time.monotonic() - started
            self._monitoring.load_ended(
                model=self.name, version=number, path=folder.path, seconds=seconds, succeeded=version is not None
            )
        self._failures.pop(number, None)
        self._state(f"version {number}", "")
        self._loaded[number] = (version, folder)
        self._publish(self.name, {known: one for known, (one, _) in self._loaded.items()})
        self._board.put(self.name, VersionStatus(number, State.AVAILABLE))
        _log.info("version %d of model %s answers; loaded in %.1f s", number, self.name, seconds)
        if before is not None:
            self._drain(before[0])
        return True

    def _fail(self, number: int, folder: VersionFolder, error: Exception, attempts: int) -> None:
        pause_s = min(RETRY_S * 2 ** (attempts - 1), LONGEST_RETRY_S)
        self._failures[number] = _Failure(folder, attempts, time.monotonic() + pause_s)
        if number not in self._loaded:
            code = CODES.get(getattr(error.__cause__, "error_code", None), grpc.StatusCode.UNKNOWN)
            self._board.put(self.name, VersionStatus(number, State.END, code, str(error)))
        goes_on = f"; version {max(self._loaded)} goes on" if self._loaded else ""
        problem = f"version {number} of model {self.name} does not load: {error}"
        self._state(
            f"version {number}", problem, f"{goes_on}; it is tried again when its files change, and every while"
        )

    def _retire(self, numbers: Iterable[int]) -> None:
        for number in list(numbers):
            self._board.put(self.name, VersionStatus(number, State.UNLOADING))
            version, _ = self._loaded.pop(number)
            self._publish(self.name, {known: one for known, (one, _) in self._loaded.items()})
            self._state(f"version {number}", "")
            self._drain(version)

    def _drain(self, version: Version) -> None:
        def ended() -> None:
            self._drained.put(version)
            self._wake()

        self._draining.add(version)
        version.retire(ended)

    def _unload_drained(self) -> None:
        unloaded = []
        while not self._drained.empty():
            unloaded.append(self._drained.get())
        for version in unloaded:
            version.unload()
            self._draining.discard(version)
            if version.version not in self._loaded:
                self._board.put(self.name, VersionStatus(version.version, State.END))
                self._monitoring.unloaded(model=self.name, version=version.version)
            _log.info("version %d of model %s is unloaded", version.version, self.name)
        if unloaded:
            memory.give_back()

    def _state(self, of: str, problem: str, outlook: str = "") -> None:
        """Take down a problem, or that it is over, and say a new one once."""
        if problem and self._problems.get(of) != problem:
            _log.warning("%s%s", problem, outlook)
        self._problems[of] = problem
