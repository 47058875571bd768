"""What a model divides cosines by before a softmax, read from its signature `similarity`, which tells cosine and share.

Legend: N images, M texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from serving.encoders import probe
from serving.encoders.encoder import EncodeError

LEAST_SHARE = 1e-30  # float32 holds smaller ones with fewer digits
LEAST_APART = 1e-3  # of two cosines: of nearer ones the quotient tells no three digits


def told_by(similarity: Callable[[Sequence[bytes], Sequence[str]], tuple[np.ndarray, np.ndarray]]) -> float | None:
    """Ask a model for cosines and shares of the probe; returns its temperature, None where it has no such signature."""
    try:
        return temperature(*similarity(probe.images(), probe.TEXTS))
    except EncodeError:
        return None


def temperature(cosine: np.ndarray, probability: np.ndarray) -> float | None:
    """Solve p_a / p_b = exp((c_a - c_b) / T) for T, by the two texts of an image whose cosines are furthest apart.

    Args:
      cosine: [N, M].
      probability: [N, M], the softmax over the texts of cosine / T.

    Returns:
      T, or None where no image tells it.

    Examples:
      >>> cosine = np.array([[0.5, 0.25]])
      >>> shares = np.exp(cosine / 0.0625) / np.exp(cosine / 0.0625).sum()
      >>> round(temperature(cosine, shares), 6)
      0.0625
    """
    cosine, probability = cosine.astype(np.float64), probability.astype(np.float64)
    told = np.where(probability > LEAST_SHARE, cosine, np.nan)  # [N, M]
    best: tuple[float, float | None] = (LEAST_APART, None)
    for cosines, shares in zip(told, probability, strict=True):
        if np.isfinite(cosines).sum() < 2:
            continue
        high, low = np.nanargmax(cosines), np.nanargmin(cosines)
        apart = float(cosines[high] - cosines[low])
        if apart > best[0] and shares[high] > shares[low]:
            best = (apart, apart / float(np.log(shares[high] / shares[low])))
    return best[1]
