"""How a served model is asked, whatever the protocol."""

from __future__ import annotations

from typing import Protocol

from components.serving_validator.checks import Floats
from components.serving_validator.sample import Question

DEADLINE_S = 60.0  # of one request


class Refused(Exception):
    """A request that the model did not answer.

    Attributes:
      code: name of the canonical status code, such as "INVALID_ARGUMENT".
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Door(Protocol):
    """A protocol by which the model is asked.

    Attributes:
      protocol: its name.
    """

    protocol: str

    def ask(self, question: Question) -> Floats:
        """Returns the output that is asked for; raises Refused. May be called from several threads at once."""
