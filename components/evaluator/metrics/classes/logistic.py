"""Multinomial logistic regression on embeddings: L-BFGS in float32, warm started, on axes that make it quick.

The optimum is that of scikit-learn's LogisticRegression with C = 1 / l2. Rows are centred (the intercept is free, so
that this changes nothing), turned onto their principal axes (the penalty is the same in any turn), and each axis is
scaled by its curvature there. L-BFGS then wants a fraction of the steps.

Legend: N rows, D embedding dimension, K classes, A principal axes, R rows in a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.ranking import Floats, Integers

MAX_ITERATIONS = 1000  # as CLIP has it, arXiv:2103.00020
GRADIENT_TOLERANCE = 1e-5  # greatest entry, on the scaled axes
LOSS_TOLERANCE = 1e-9  # relative; float32 tells no finer
STOPPED = 1  # what SciPy says where a number of steps or of evaluations was reached
LEAST_VARIANCE = 1e-13  # of an axis; below it lies what float32 rounds off rows of unit length
ROWS_PER_CHUNK = 2048


@dataclass(frozen=True)
class Weights:
    """A linear classifier on principal axes.

    Attributes:
      weight: [K, A].
      intercept: [K].
      iterations: of L-BFGS.
      converged: whether it ended by itself, before MAX_ITERATIONS.
    """

    weight: NDArray[np.float64]
    intercept: NDArray[np.float64]
    iterations: int
    converged: bool


class LogisticRegression:
    """Fits weights to labelled rows for any strength of the penalty.

        loss(W, b) = sum over rows of cross-entropy(softmax(W x + b), label) + l2 / 2 x |W|^2

    Args:
      embedding: [N, D], unit length.
      labels: [N]; their distinct values are the K classes.
    """

    def __init__(self, embedding: Floats, labels: Integers) -> None:
        self._names, indices = np.unique(labels, return_inverse=True)  # [K], [N]
        self._labels = indices.ravel()
        self._centre = embedding.mean(axis=0, dtype=np.float64).astype(np.float32)  # [D]
        rows = embedding.astype(np.float32) - self._centre  # [N, D]
        moment = np.zeros((rows.shape[1], rows.shape[1]))  # [D, D]
        for chunk in _chunks(len(rows)):
            wide = rows[chunk].astype(np.float64)
            moment += wide.T @ wide
        variance, axes = np.linalg.eigh(moment / len(rows))  # [D], [D, D]
        held = variance > LEAST_VARIANCE
        self._variance, self._axes = variance[held], axes[:, held].astype(np.float32)  # [A], [D, A]
        self._rows = rows @ self._axes  # [N, A]

    def fit(self, l2: float, start: Weights | None = None) -> Weights:
        """Minimise the loss.

        Args:
          l2: strength of the penalty, above 0; scikit-learn's 1 / C. Two classes count as one weight vector, as there.
          start: weights to begin with, such as those of a strength close by; zeros by default.
        """
        from scipy.optimize import minimize  # here: it takes a while, and most commands fit nothing

        classes, axes = len(self._names), len(self._variance)
        strength = l2 * (2 if classes == 2 else 1) / len(self._rows)  # half of the one vector stands in each of the two
        scale = np.sqrt(self._variance / classes + strength)  # [A] about the square root of the curvature
        begin = np.zeros((classes, axes + 1))
        if start is not None:
            begin[:, :axes], begin[:, axes] = start.weight * scale, start.intercept
        found = minimize(
            self._loss,
            begin.ravel(),
            args=(scale, strength),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": MAX_ITERATIONS, "maxfun": 2 * MAX_ITERATIONS, "gtol": GRADIENT_TOLERANCE}
            | {"ftol": LOSS_TOLERANCE},
        )
        end = found.x.reshape(classes, axes + 1)
        return Weights(end[:, :axes] / scale, end[:, axes], int(found.nit), found.status != STOPPED)

    def named(self, weights: Weights, embedding: Floats) -> NDArray[np.int64]:
        """Returns the class of each row of [N, D] that scores highest; of equals the lowest."""
        projection = self._axes @ weights.weight.T.astype(np.float32)  # [D, A] @ [A, K]
        offset = (weights.intercept - self._centre.astype(np.float64) @ projection).astype(np.float32)  # [K]
        named = [np.argmax(embedding[chunk] @ projection + offset, axis=1) for chunk in _chunks(len(embedding))]
        return self._names[np.concatenate([np.zeros(0, np.int64), *named])]

    def _loss(self, flat: NDArray[np.float64], scale: NDArray[np.float64], strength: float) -> tuple[float, NDArray]:
        """Returns the loss over N, and its gradient by `flat`, which holds the scaled weights and the intercepts."""
        count, axes = self._rows.shape
        both = flat.reshape(-1, axes + 1)  # [K, A + 1]
        weight, intercept = both[:, :axes] / scale, both[:, axes].astype(np.float32)
        projection = weight.T.astype(np.float32)  # [A, K]
        loss, gradient = 0.0, np.zeros_like(both)
        for chunk in _chunks(count):
            rows, labels = self._rows[chunk], self._labels[chunk]
            at = np.arange(len(labels))
            logits = rows @ projection + intercept  # [R, K]
            logits -= logits.max(axis=1, keepdims=True)
            own = logits[at, labels].astype(np.float64)
            np.exp(logits, out=logits)
            total = logits.sum(axis=1)  # [R]
            loss += float(np.sum(np.log(total.astype(np.float64)) - own))
            logits /= total[:, None]
            logits[at, labels] -= 1
            gradient[:, :axes] += logits.T @ rows  # [K, R] @ [R, A]
            gradient[:, axes] += logits.sum(axis=0)
        gradient /= count
        gradient[:, :axes] = (gradient[:, :axes] + strength * weight) / scale
        return loss / count + 0.5 * strength * float(np.sum(weight**2)), gradient.ravel()


def _chunks(rows: int) -> Iterator[slice]:
    return (slice(start, start + ROWS_PER_CHUNK) for start in range(0, rows, ROWS_PER_CHUNK))
