"""The life of a version in TensorFlow Serving's states (apis/get_model_status.proto)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import grpc


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
