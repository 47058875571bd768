"""The life of a version in TensorFlow Serving's states (apis/get_model_status.proto)."""

from __future__ import annotations

import enum
import threading
from dataclasses import dataclass

import grpc

ENDED = 8


class State(enum.IntEnum):
    """How far a version is; the numbers are those of GetModelStatus."""

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


@dataclass(frozen=True)
class VersionStatus:
    """One version as GetModelStatus shows it.

    Attributes:
      version: its number.
      state: how far it is.
      code: OK, or what its load failed with.
      message: one sentence on that failure, or "".
    """

    version: int
    state: State
    code: grpc.StatusCode = grpc.StatusCode.OK
    message: str = ""


class StatusBoard:
    """The newest status of every version of every model.

    Of versions at their END the youngest ENDED of a model are kept, and of models of which nothing else is left the
    youngest ENDED: a server that runs for years shows no longer a list.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, dict[int, VersionStatus]] = {}

    def put(self, name: str, status: VersionStatus) -> None:
        """Take down a version's status in the place of the one before."""
        with self._lock:
            versions = self._models.pop(name, {})
            self._models[name] = versions  # the youngest model is last, as is the youngest version
            versions.pop(status.version, None)
            versions[status.version] = status
            ended = _ended(versions)
            for version in ended[:-ENDED]:
                del versions[version]
            gone = [model for model, known in self._models.items() if len(_ended(known)) == len(known)]
            for model in gone[:-ENDED]:
                del self._models[model]

    def of(self, name: str) -> list[VersionStatus]:
        """Returns the statuses of a model's versions, ascending; [] for a model that never was."""
        with self._lock:
            return [status for _, status in sorted(self._models.get(name, {}).items())]


def _ended(versions: dict[int, VersionStatus]) -> list[int]:
    return [version for version, known in versions.items() if known.state == State.END]
