"""What `similarity` and `classify` answer, joined from the answers to several requests.

Legend: N images, M texts, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.signatures import COSINE, LABEL, PROBABILITY

SIMILARITY_OUTPUTS = (COSINE, PROBABILITY)
CLASSIFY_OUTPUTS = (COSINE, PROBABILITY, LABEL)


@dataclass(frozen=True)
class Similarities:
    """How well each text describes each image.

    Attributes:
      cosine: [N, M] float32.
      probability: [N, M] float32, of each image's texts, at the temperature that the model learnt; rows sum to 1.
    """

    cosine: np.ndarray
    probability: np.ndarray


@dataclass(frozen=True)
class Classes:
    """Which label fits each image.

    Attributes:
      cosine, probability: [N, L] float32; rows of probabilities sum to 1.
      labels: the best of each image, N of them.
    """

    cosine: np.ndarray
    probability: np.ndarray
    labels: list[str]


def join(parts: Sequence[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """Returns the outputs of several requests below each other."""
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def classes(outputs: tuple[np.ndarray, ...]) -> Classes:
    """Returns CLASSIFY_OUTPUTS as what a caller reads."""
    cosine, probability, labels = outputs
    return Classes(cosine, probability, [label.decode() for label in labels])
