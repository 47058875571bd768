"""What a request asks for and who asks, in no protocol's own words."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from serving.server.refusal import Refusal

_MOST_DIGITS = 19  # Python refuses to read thousands of them


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


def whole_number(text: str) -> int | None:
    """Returns what decimal digits name, such as a version; None for other text, and for more than 63 bits."""
    digits = text.lstrip("0") or text[-1:]
    if not (text.isascii() and text.isdigit()) or len(digits) > _MOST_DIGITS:
        return None
    return number if (number := int(digits)) < 2**63 else None


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

    def check(self) -> None:
        """Raise Refusal with CANCELLED or DEADLINE_EXCEEDED where nobody waits any more."""
        if not self.is_waiting():
            raise Refusal(grpc.StatusCode.CANCELLED, "the caller is gone; nothing was computed")
        if time.monotonic() >= self.deadline:
            raise Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed before the computation began")


PATIENT = Caller()  # waits for ever
