"""Runs checks against a server, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from serving.conformance import (
    examples,
    grpc_answers,
    grpc_refusals,
    metrics,
    rest_answers,
    rest_refusals,
    smoke,
)
from serving.conformance.check import HALF_PLUS_TWO, METRICS, REST, Check, Differs, Outcome
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
    REST: "there is no HTTP port",
    METRICS: "the HTTP port has no metrics",
    HALF_PLUS_TWO: "half_plus_two is not served",
}


def run_checks(checks: Iterable[Check], target: Target) -> Iterator[Outcome]:
    """Yield the outcome of each check, as it is made; an HTTP port that was named and is not there fails once."""
    there: dict[str, bool] = {}
    dead = target.dead_rest()
    for check in checks:
        if dead and (REST in check.needs or METRICS in check.needs):
            failed = dead not in there
            there[dead] = True
            yield Outcome(check, "differs", dead) if failed else Outcome(check, "skipped", _MISSING[REST])
            continue
        for need in check.needs:
            if need not in there:
                there[need] = target.has(need)
        missing = [need for need in check.needs if not there[need]]
        if missing:
            yield Outcome(check, "skipped", _MISSING[missing[0]])
        else:
            yield _run(check, target)


def _run(check: Check, target: Target) -> Outcome:
    try:
        check.run(target)
    except Differs as error:
        return Outcome(check, "ours" if check.ours else "differs", str(error))
    except Exception as error:  # a server may answer anything, also what a check takes apart wrongly
        said = " ".join(str(error).split())
        return Outcome(check, "differs", f"{type(error).__name__}: {said}"[:600])
    return Outcome(check, "same")
