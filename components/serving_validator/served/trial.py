"""Serves a candidate in a process of its own, asks it as clients do, and notes what it finds."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from components.serving_validator import checks, sample
from components.serving_validator.config import ServingValidationConfig
from components.serving_validator.findings import Findings
from components.serving_validator.served.door import Door, Refused
from components.serving_validator.served.in_process import InProcess
from components.serving_validator.served.over_grpc import GrpcDoor
from serving.server.process import ServerProcess
from serving.signatures import ENCODE_IMAGE, ENCODE_TEXT

Inputs = Mapping[str, Sequence[bytes]]  # signature -> what it is asked about


def try_out(folder: Path, config: ServingValidationConfig) -> Findings:
    """Returns what serving a model shows.

    The server loads it first. A model that kills what loads it is never loaded into this process.

    Args:
      folder: of the SavedModel.
      config: what the model must do.
    """
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="candidate-") as base:
        (Path(base) / "1").symlink_to(folder.resolve())
        with ServerProcess(Path(base)) as server:
            try:
                server.wait_until_ready(config.max_load_s)
            except ValueError as error:
                findings.reasons.append(str(error))
                return findings
            findings.load_s = server.load_s
            with GrpcDoor(server.address) as asked:
                findings.reasons += checks.wrong_signatures(asked.signatures())
                if findings.is_blessed:
                    _ask(folder, config, [asked], findings)
            findings.peak_memory_bytes = server.peak_memory_bytes()
    return findings


def _ask(folder: Path, config: ServingValidationConfig, doors: Sequence[Door], findings: Findings) -> None:
    inputs = {ENCODE_IMAGE: sample.pictures(), ENCODE_TEXT: [text.encode() for text in sample.TEXTS]}
    here = InProcess(folder)
    expected = {signature: here.encode(signature, values) for signature, values in inputs.items()}
    for signature, vectors in expected.items():
        findings.reasons += checks.wrong_vectors(signature, vectors, len(inputs[signature]))
    for door in doors if findings.is_blessed else ():
        findings.reasons += _differing(door, inputs, expected, config, findings)
        findings.reasons += _unguarded(door, inputs, expected, config)
        if findings.is_blessed:
            findings.reasons += _slow(door, inputs, config, findings)


def _differing(
    door: Door, inputs: Inputs, expected: Mapping[str, checks.Floats], config: ServingValidationConfig, found: Findings
) -> Iterator[str]:
    """Yield what is wrong with batches of none, of one and of all inputs."""
    noted = found.largest_difference.setdefault(door.protocol, {})
    for signature, values in inputs.items():
        largest = 0.0
        for batch in (slice(0, 0), slice(0, 1), slice(None)):
            try:
                served = door.encode(signature, values[batch])
            except Refused as refused:
                yield f"{signature} over {door.protocol} refuses {len(values[batch])} inputs with {refused}"
                continue
            largest = max(largest, checks.difference(served, expected[signature][batch]))
        noted[signature] = largest
        yield from checks.differing(signature, door.protocol, largest, config.tolerance)


def _unguarded(
    door: Door, inputs: Inputs, expected: Mapping[str, checks.Floats], config: ServingValidationConfig
) -> Iterator[str]:
    """Yield what is wrong where a broken picture comes amid requests of others."""
    pictures = inputs[ENCODE_IMAGE]
    with ThreadPoolExecutor(len(pictures) + 1) as clients:
        broken = clients.submit(door.encode, ENCODE_IMAGE, [pictures[0], sample.BROKEN_PICTURE])
        others = [clients.submit(door.encode, ENCODE_IMAGE, [picture]) for picture in pictures]
    try:
        broken.result()
        yield f"a broken picture is answered over {door.protocol}; it must be refused with {checks.REFUSED_CODE}"
    except Refused as refused:
        if refused.code != checks.REFUSED_CODE:
            yield (f"a broken picture is refused over {door.protocol} with {refused}; it must be {checks.REFUSED_CODE}")
    for other, vector in zip(others, expected[ENCODE_IMAGE], strict=True):
        try:
            disturbed = not checks.difference(other.result(), vector[None]) <= config.tolerance
        except Refused:
            disturbed = True
        if disturbed:
            yield f"a broken picture disturbs the requests of others over {door.protocol}"
            return


def _slow(door: Door, inputs: Inputs, config: ServingValidationConfig, found: Findings) -> Iterator[str]:
    """Yield which requests take too long, one input each."""
    noted = found.latency_ms.setdefault(door.protocol, {})
    for signature, values in inputs.items():
        times = [_milliseconds(door, signature, values[0]) for _ in range(config.requests)]
        noted[signature] = {"p50": float(np.percentile(times, 50)), "p99": float(np.percentile(times, 99))}
        yield from checks.too_slow(signature, door.protocol, noted[signature]["p99"], config.max_latency_ms)


def _milliseconds(door: Door, signature: str, value: bytes) -> float:
    started = time.perf_counter()
    door.encode(signature, [value])
    return (time.perf_counter() - started) * 1000
