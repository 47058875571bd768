"""Runs checks against a server, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from serving.conformance import (
    examples,
    grpc_answers,
    grpc_refusals,
    metrics,
    rest_answers,
    rest_refusals,
    smoke,
)
from serving.conformance.check import HALF_PLUS_TWO, METRICS, REST, Check, Differs
from serving.conformance.target import Target

SMOKE: tuple[Check, ...] = tuple(smoke.CHECKS)
CONFORMANCE: tuple[Check, ...] = (
    *SMOKE,
    *grpc_answers.CHECKS,
    *grpc_refusals.CHECKS,
    *examples.CHECKS,
    *rest_answers.CHECKS,
    *rest_refusals.CHECKS,
    *metrics.CHECKS,
)
_MISSING = {
    REST: "no HTTP port was named",
    METRICS: "the HTTP port has no metrics",
    HALF_PLUS_TWO: "half_plus_two is not served",
}


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


def run_checks(checks: Iterable[Check], target: Target) -> Iterator[Outcome]:
    """Yield the outcome of each check, as it is made."""
    there: dict[str, bool] = {}
    for check in checks:
        for need in check.needs:
            if need not in there:
                there[need] = _has(target, need)
        missing = [need for need in check.needs if not there[need]]
        if missing:
            yield Outcome(check, "skipped", _MISSING[missing[0]])
        else:
            yield _run(check, target)


def _has(target: Target, need: str) -> bool:
    try:
        return target.has(need)
    except OSError:
        return False


def _run(check: Check, target: Target) -> Outcome:
    try:
        check.run(target)
    except Differs as error:
        return Outcome(check, "ours" if check.ours else "differs", str(error))
    except Exception as error:  # a server may answer anything, also what a check takes apart wrongly
        said = " ".join(str(error).split())
        return Outcome(check, "differs", f"{type(error).__name__}: {said}"[:600])
    return Outcome(check, "same")
