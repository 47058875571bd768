"""What is wrong with a candidate's answers, in sentences; pure, on plain values.

Legend: N requests in a batch, D embedding dimension.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.signatures import EMBEDDING, ENCODE_IMAGE, ENCODE_TEXT, EVALUATE, IMAGE_BYTES, TEXT

Floats = NDArray[np.floating]
Signatures = Mapping[str, tuple[Sequence[str], Sequence[str]]]  # name -> inputs, outputs

INPUTS = {ENCODE_IMAGE: IMAGE_BYTES, ENCODE_TEXT: TEXT}  # what clients encode with -> the name of its input
REFUSED_CODE = "INVALID_ARGUMENT"
UNIT_WITHIN = 1e-3  # a vector's length; that of a model which computes in bfloat16 is off by less


def wrong_signatures(signatures: Signatures) -> Iterator[str]:
    """Yield a sentence for each signature that is missing, or takes or gives something else."""
    known = ", ".join(sorted(name for name in signatures if not name.startswith("__")))  # TensorFlow's own begin so
    for name in (*INPUTS, EVALUATE):
        if name not in signatures:
            yield f"the signature {name} is missing; the model has {known or 'none'}"
    for name, wanted in INPUTS.items():
        inputs, outputs = signatures.get(name, ([wanted], [EMBEDDING]))
        if list(inputs) != [wanted] or EMBEDDING not in outputs:
            yield (
                f"{name} takes {', '.join(sorted(inputs))} and gives {', '.join(sorted(outputs))}; it must take "
                f"{wanted} and give {EMBEDDING}"
            )


def differing_signatures(served: Signatures, here: Signatures) -> Iterator[str]:
    """Yield a sentence where a server says other inputs and outputs of a model than the model itself."""
    for name in sorted({*served, *here}):
        told, own = ([sorted(names) for names in each.get(name, ([], []))] for each in (served, here))
        if told != own and not name.startswith("__"):
            yield f"the server says that {name} takes {told[0]} and gives {told[1]}, the model {own[0]} and {own[1]}"


def wrong_vectors(signature: str, vectors: Floats, inputs: int) -> Iterator[str]:
    """Yield a sentence where vectors are not one [D] of unit length for each input.

    Args:
      signature: that made them.
      vectors: as they came.
      inputs: N.
    """
    if vectors.ndim != 2 or len(vectors) != inputs:
        yield f"{signature} answers {inputs} inputs with the shape {list(vectors.shape)}; it must be [{inputs}, D]"
        return
    lost = int(np.count_nonzero(~np.isfinite(vectors).all(axis=1)))
    if lost:
        yield f"{signature} gives vectors that are not finite for {lost} of {inputs} inputs"
        return
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
    off = np.abs(lengths - 1) > UNIT_WITHIN
    if off.any():
        yield f"{signature} gives a vector of length {lengths[off][0]:.4g}; it must be 1"


def difference(served: Floats, here: Floats) -> float:
    """Returns the largest difference of a number in two arrays; infinite where they have not one shape.

    Nothing has no shape: JSON writes [0, D] as [].
    """
    if served.size == here.size == 0:
        return 0.0
    if served.shape != here.shape:
        return float("inf")
    return float(np.max(np.abs(served - here)))


def least_cosine(vectors: Floats, exact: Floats) -> float:
    """Returns the least cosine of a row of one array to that of another, [N, D] unit vectors; -1 for unlike shapes."""
    if vectors.shape != exact.shape:
        return -1.0
    return float(np.min(np.sum(vectors.astype(np.float64) * exact, axis=1), initial=1.0))


def far_from_float32(signature: str, cosine: float, least: float) -> Iterator[str]:
    """Yield a sentence where a vector is too far from that of the same weights in float32."""
    if not cosine >= least:  # also NaN
        yield (
            f"{signature} gives a vector whose cosine to that in float32 is {cosine:.6g}, below export.min_cosine, "
            f"which is {least:g}; set export.precision to float32, or train longer"
        )


class Limit(NamedTuple):
    """How far a number may be from another, and how messages lead to it."""

    difference: float
    named: str


def limit_at(least: float) -> Limit:
    """Returns how far a number of two unit vectors may be apart whose cosine is `least`: |a - b|^2 = 2 - 2 cos."""
    return Limit(math.sqrt(2 - 2 * least), f"what vectors may differ at export.min_cosine = {least:g}, which is")


def differing(signature: str, protocol: str, largest: float, limit: Limit) -> Iterator[str]:
    """Yield a sentence where served vectors are not those of the same model in process."""
    if not largest <= limit.difference:  # also NaN
        yield (
            f"{signature} over {protocol} is {largest:.3g} away from the same model in process, above {limit.named} "
            f"{limit.difference:g}"
        )


def too_slow(signature: str, protocol: str, p99_ms: float, limit_ms: float | None) -> Iterator[str]:
    """Yield a sentence where requests take longer than they may."""
    if limit_ms is not None and p99_ms > limit_ms:
        yield (
            f"{signature} over {protocol} takes {p99_ms:.3g} ms (p99), above serving_validation.max_latency_ms, which "
            f"is {limit_ms:g}"
        )
