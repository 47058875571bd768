"""What a request asks for and who asks, in no protocol's own words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelSpec:
    """Which version of which model: `version` and `label` exclude each other, and without both it is the newest.

    Attributes:
      name: what requests call the model.
      version: its number.
      label: a name that the configuration gives to a version.
    """

    name: str
    version: int | None = None
    label: str | None = None


def _waits() -> bool:
    return True


@dataclass(frozen=True)
class Caller:
    """Who waits for an answer.

    Attributes:
      deadline: when it stops waiting, in seconds of time.monotonic().
      is_waiting: False once its connection is gone.
    """

    deadline: float = math.inf
    is_waiting: Callable[[], bool] = _waits


PATIENT = Caller()  # waits for ever
