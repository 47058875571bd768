"""The terms of a question: texts, images, images of the index and embeddings, each with a weight, added or taken away.

Legend: T terms, D embedding dimension, n images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.search.unit import unit
from serving.search.weights import IMAGE_WEIGHT, TEXT_WEIGHT

MOST_TERMS = 32
HEAVIEST = 1e6
LONGEST_TEXT = 10_000  # characters
_CANCELLED = 1e-3  # of the weights' sum: what is left there is what fp16 rounds off, and no direction
KINDS = ("text", "image", "id", "embedding")


@dataclass(frozen=True)
class Term:
    """One term; exactly one of its four kinds is given.

    Attributes:
      text: words to look for.
      image: an encoded picture of any format that serving/pictures.py reads.
      id: an image of the index, for more like it.
      embedding: [D], of any length but 0.
      weight: 0 or more; None is TEXT_WEIGHT for a text, IMAGE_WEIGHT for the others.
      sign: 1 adds the term, -1 takes it away.

    Raises:
      ValueError: for a term that is none or two of them, an empty text, or a weight or sign that cannot be.

    Examples:
      >>> Term(text="sad cat").factor, Term(image=b"...", sign=-1).factor
      (2.0, -1.0)
    """

    text: str | None = None
    image: bytes | None = None
    id: str | None = None
    embedding: Sequence[float] | None = None
    weight: float | None = None
    sign: int = 1

    def __post_init__(self) -> None:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise ValueError(f"a term is one of {', '.join(KINDS)}; this one has {found}")
        if self.text is not None and not self.text.strip():
            raise ValueError("a text of the query is empty; write what to look for, or leave the text out")
        if self.text is not None and len(self.text) > LONGEST_TEXT:
            raise ValueError(f"a text of the query has {len(self.text)} characters; {LONGEST_TEXT} are the most")
        if self.weight is not None and not 0 <= self.weight <= HEAVIEST:
            raise ValueError(f"a term has weight {self.weight}; give a number from 0 to {HEAVIEST:g}")
        if self.sign not in (1, -1):
            raise ValueError(f"a term has sign {self.sign}; 1 adds it, -1 takes it away")

    @property
    def kind(self) -> str:
        """Which of KINDS it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def factor(self) -> float:
        """Returns sign * weight."""
        default = TEXT_WEIGHT if self.text is not None else IMAGE_WEIGHT
        return self.sign * (default if self.weight is None else float(self.weight))


@dataclass(frozen=True)
class Composed:
    """A query of T terms.

    Attributes:
      query: [D] float32, unit length.
      parts: [T, D] float64, which add up to the query.
    """

    query: np.ndarray
    parts: np.ndarray

    def shares(self, vectors: np.ndarray) -> np.ndarray:
        """Returns how much of each image's cosine each term gave, [n, T]: a row adds up to the cosine.

        share(t, x) = part(t) . x / |x|

        Args:
          vectors: [n, D], of any length but 0.
        """
        exact = vectors.astype(np.float64)
        return (exact / np.linalg.norm(exact, axis=1, keepdims=True)) @ self.parts.T  # [n, D] x [D, T]


def compose(vectors: Sequence[np.ndarray] | np.ndarray, factors: Sequence[float]) -> Composed:
    """Compose one query of T terms.

    query = unit(sum over t of factor(t) * unit(vector(t)))

    Args:
      vectors: [T, D], of any length but 0.
      factors: sign * weight of each term.

    Raises:
      ValueError: when there is no term, or nothing is left of them.

    Examples:
      >>> compose(np.array([[3.0, 0.0], [0.0, 1.0]]), [1, 2]).query.round(2)
      array([0.45, 0.89], dtype=float32)

    Reference:
      ALIGN, arXiv:2102.05918, its section on search with image+text queries: text 2 : image 1.
    """
    if not len(factors):
        raise ValueError("the query is empty; give a text, an image, or both")
    weighed = np.stack([factor * unit(row).astype(np.float64) for factor, row in zip(factors, vectors, strict=True)])
    total = weighed.sum(axis=0)
    length = float(np.linalg.norm(total))
    weights = math.fsum(map(abs, factors))
    if weights == 0:
        raise ValueError("every term of the query has weight 0; give one of them a weight")
    if length < _CANCELLED * weights:
        raise ValueError("the parts of the query cancel each other; give another text to add or to take away")
    return Composed((total / length).astype(np.float32), weighed / length)
