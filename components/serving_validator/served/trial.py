"""Serves a candidate in a process of its own, asks it as clients do, and notes what it finds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from components.serving_validator import checks, sample
from components.serving_validator.config import ServingValidationConfig
from components.serving_validator.findings import Findings
from components.serving_validator.sample import Question
from components.serving_validator.served.door import Door, Refused
from components.serving_validator.served.in_process import InProcess
from components.serving_validator.served.over_grpc import GrpcDoor
from components.serving_validator.served.over_rest import RestDoor
from serving.server.process import ServerProcess
from serving.signatures import ENCODE_IMAGE, IMAGE_BYTES

Answered = list[tuple[Question, checks.Floats]]  # what was asked in process, and what it answered


class Nearness(NamedTuple):
    """What a model of another precision is held to.

    Attributes:
      folder: the SavedModel of the same weights in float32.
      min_cosine: of each vector to that model's.
    """

    folder: Path
    min_cosine: float


def try_out(folder: Path, config: ServingValidationConfig, near: Nearness | None = None) -> Findings:
    """Returns what serving a model shows.

    Args:
      folder: of the SavedModel.
      config: what the model must do.
      near: where it computes images in another precision than float32. A server batches otherwise than this process,
        and rounds otherwise then: images may be as far from those in process as from those in float32.
    """
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="candidate-") as base:
        (Path(base) / "1").symlink_to(folder.resolve())
        with ServerProcess(Path(base)) as server:
            try:
                here = InProcess(folder)  # meanwhile the server starts
                findings.reasons += checks.wrong_signatures(here.signatures)
                findings.precision = here.precision
                expected = _expected(here, near, findings) if findings.is_blessed else []
                server.wait_until_ready(config.max_load_s)
            except ValueError as error:
                findings.reasons.append(str(error))
                return findings
            findings.load_s = server.load_s
            with GrpcDoor(server.address) as over_grpc:
                findings.reasons += checks.differing_signatures(over_grpc.signatures(), here.signatures)
                asked = _Asked(expected, config, near)
                _ask([over_grpc, RestDoor(server.rest_address)], asked, findings)
            findings.peak_memory_bytes = server.peak_memory_bytes()
    return findings


class _Asked(NamedTuple):
    """What a server is asked, and how near its answers must be."""

    expected: Answered
    config: ServingValidationConfig
    near: Nearness | None

    def limit(self, question: Question) -> checks.Limit:
        """Returns how far a number of the answer may be from that in process."""
        if self.near is not None and IMAGE_BYTES in question.inputs:
            return checks.limit_at(self.near.min_cosine)
        return checks.Limit(self.config.tolerance, "serving_validation.tolerance, which is")


def _expected(here: InProcess, near: Nearness | None, findings: Findings) -> Answered:
    """Returns what the model is to answer, as it does in process; its vectors are looked at."""
    answered = [(question, here.ask(question)) for question in sample.batches()]
    whole = _whole_batches(answered)
    for signature, (question, vectors) in whole.items():
        (values,) = question.inputs.values()
        findings.reasons += checks.wrong_vectors(signature, vectors, len(values))
    if near is not None:
        exact = InProcess(near.folder)
        for signature, (question, vectors) in whole.items():
            cosine = checks.least_cosine(vectors, exact.ask(question))
            findings.least_cosine_to_float32[signature] = cosine
            findings.reasons += checks.far_from_float32(signature, cosine, near.min_cosine)
    return [*answered, *(sample.derived(here.signatures, *whole.values()) if findings.is_blessed else ())]


def _whole_batches(answered: Answered) -> dict[str, tuple[Question, checks.Floats]]:
    """Returns, of each signature that clients encode with, the last and largest batch."""
    return {question.signature: (question, here) for question, here in answered if question.signature in checks.INPUTS}


def _ask(doors: Sequence[Door], asked: _Asked, findings: Findings) -> None:
    for door in doors if findings.is_blessed else ():
        findings.reasons += _differing(door, asked, findings)
        findings.reasons += _unguarded(door, asked)
        if findings.is_blessed:
            findings.reasons += _slow(door, asked.expected, asked.config, findings)


def _differing(door: Door, asked: _Asked, findings: Findings) -> Iterator[str]:
    """Yield what is answered otherwise than in process, a sentence a signature."""
    largest: dict[str, float] = findings.largest_difference.setdefault(door.protocol, {})
    limits = {question.signature: asked.limit(question) for question, _ in asked.expected}
    for question, here in asked.expected:
        try:
            difference = checks.difference(door.ask(question), here)
        except Refused as refused:
            sizes = " and ".join(str(len(values)) for values in question.inputs.values())
            yield f"{question.signature} over {door.protocol} refuses {sizes} inputs with {refused}"
            continue
        largest[question.signature] = max(largest.get(question.signature, 0.0), difference)
    for signature, found in largest.items():
        yield from checks.differing(signature, door.protocol, found, limits[signature])


def _unguarded(door: Door, asked: _Asked) -> Iterator[str]:
    """Yield what is wrong where a broken picture comes amid requests of others."""
    pictures, vectors = _whole_batches(asked.expected)[ENCODE_IMAGE]
    limit = asked.limit(pictures)
    count = len(vectors)
    spoiled = Question(ENCODE_IMAGE, {IMAGE_BYTES: [pictures.inputs[IMAGE_BYTES][0], sample.BROKEN_PICTURE]})
    with ThreadPoolExecutor(count + 1) as clients:
        broken = clients.submit(door.ask, spoiled)
        others = [clients.submit(door.ask, sample.cut(pictures, row, row + 1)) for row in range(count)]
    try:
        broken.result()
        yield f"a broken picture is answered over {door.protocol}; it must be refused with {checks.REFUSED_CODE}"
    except Refused as refused:
        if refused.code != checks.REFUSED_CODE:
            yield f"a broken picture is refused over {door.protocol} with {refused}; it must be {checks.REFUSED_CODE}"
    for row, other in enumerate(others):
        try:
            disturbed = not checks.difference(other.result(), vectors[row : row + 1]) <= limit.difference
        except Refused:
            disturbed = True
        if disturbed:
            yield f"a broken picture disturbs the requests of others over {door.protocol}"
            return


def _slow(door: Door, expected: Answered, config: ServingValidationConfig, findings: Findings) -> Iterator[str]:
    """Yield which requests take too long, one input each."""
    noted = findings.latency_ms.setdefault(door.protocol, {})
    for signature, (question, _) in _whole_batches(expected).items():
        one = sample.cut(question, 0, 1)
        times = [_milliseconds(door, one) for _ in range(config.requests)]
        noted[signature] = {"p50": float(np.percentile(times, 50)), "p99": float(np.percentile(times, 99))}
        yield from checks.too_slow(signature, door.protocol, noted[signature]["p99"], config.max_latency_ms)


def _milliseconds(door: Door, question: Question) -> float:
    started = time.perf_counter()
    door.ask(question)
    return (time.perf_counter() - started) * 1000
