"""What one check of the suite is, and what comes of it.

A check states one behaviour of TensorFlow Serving, with the file of its sources that the behaviour is read from, below
`tensorflow_serving/`. It passes where the server behaves so, and raises Differs where it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

REST = "REST"  # a port that answers HTTP
METRICS = "metrics"  # and there the metrics, which TensorFlow Serving has with --monitoring_config_file alone
HALF_PLUS_TWO = "half_plus_two"  # the model that half_plus_two.py writes, served beside ours


class Differs(Exception):
    """The server answered otherwise; the message says what was expected and what came."""


@dataclass(frozen=True)
class Check:
    """One behaviour.

    Attributes:
      name: the behaviour, as a sentence's beginning.
      source: the file that it is read from, below tensorflow_serving/.
      run: asks a Target; raises Differs.
      needs: what must be there beside the gRPC port: REST, METRICS, HALF_PLUS_TWO.
      ours: what `align serve` does instead, on purpose; empty where it does the same.
    """

    name: str
    source: str
    run: Callable[[Any], None]
    needs: tuple[str, ...] = ()
    ours: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a check.

    Attributes:
      check: which.
      verdict: "ours" is another answer that is meant, as the check's `ours` says.
      said: what differs, or why it was not made.
    """

    check: Check
    verdict: Literal["same", "differs", "ours", "skipped"]
    said: str = ""


class Checks(list[Check]):
    """A list of checks, which functions are added to by a decorator."""

    def add(
        self, name: str, source: str, *needs: str, ours: str = ""
    ) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
        """Returns a decorator that adds a function of a Target as a check."""

        def added(run: Callable[[Any], None]) -> Callable[[Any], None]:
            self.append(Check(name, source, run, needs, ours))
            return run

        return added


def expect_equal(got: object, expected: object, what: str) -> None:
    """Raise Differs where two values are not equal."""
    if got != expected:
        raise Differs(f"{what}: expected {shown(expected)}, got {shown(got)}")


def shown(value: object, most: int = 300) -> str:
    """Returns a value as one line of at most `most` characters."""
    line = repr(value)
    return line if len(line) <= most else f"{line[:most]}..."


def is_said(got: str, words: str) -> bool:
    """Say whether a message is these words; "..." at an end stands for any that follow or lead."""
    if words.startswith("...") and words != "...":
        return got.strip().endswith(words[3:].strip()) or words[3:].strip() in got
    return got.startswith(words[:-3]) if words.endswith("...") else got == words
