"""Calibration: whether a model that is sure to 80 % is right in 80 % of the cases.

Legend: N images, B bins.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as Guo et al. have it


class Reliability(NamedTuple):
    """What a reliability diagram draws: bins of equal width over confidences from 0 to 1, those with images alone.

    Attributes:
      confidence: the mean within each bin.
      accuracy: the share of the bin's images that are named rightly.
      images: how many there are.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    images: NDArray[np.int64]


def reliability(confidence: NDArray[np.float64], hits: NDArray[np.float64], bins: int = BINS) -> Reliability:
    """Average confidences and hits within bins of equal width.

    Args:
      confidence: [N] probabilities of what the model names.
      hits: [N] whether that is right.
      bins: B.

    Raises:
      ValueError: a confidence is no probability.
    """
    where = _bin_of(confidence, bins)
    images = np.bincount(where, minlength=bins)
    held = images > 0
    means = [np.bincount(where, values, minlength=bins)[held] / images[held] for values in (confidence, hits)]
    return Reliability(means[0], means[1], images[held])


def calibration_values(
    confidence: NDArray[np.float64], hits: NDArray[np.float64], bins: int = BINS
) -> NDArray[np.float64]:
    """Returns [N] values whose mean is the expected calibration error (ECE).

        ECE = sum over bins of (images of the bin / N) x |accuracy of the bin - mean confidence of the bin|

    Bin b of B holds the confidences in (b / B, (b + 1) / B], the first 0 too. An image's value is its confidence less
    its hit, with the sign that its bin's sum of these has. Intervals drawn from the values hold those signs fixed.

    Args:
      confidence: [N] probabilities of what the model names.
      hits: [N] whether that is right.
      bins: B.

    Raises:
      ValueError: a confidence is no probability.

    Reference: Guo et al., "On Calibration of Modern Neural Networks", section 2, arXiv:1706.04599.
    """
    where = _bin_of(confidence, bins)
    gap = confidence - hits
    return np.sign(np.bincount(where, gap, minlength=bins))[where] * gap


def _bin_of(confidence: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    wrong = np.flatnonzero(~((confidence >= 0) & (confidence <= 1)))
    if len(wrong):
        raise ValueError(f"confidence {wrong[0]} is {confidence[wrong[0]]:g}; give probabilities, from 0 to 1")
    edges = np.arange(1, bins) / bins  # the inner ones: 0 falls into the first bin, 1 into the last
    return np.searchsorted(edges, confidence, side="left")
