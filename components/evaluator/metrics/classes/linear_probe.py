"""Linear probe: how well a linear classifier on frozen embeddings names classes, by CLIP's protocol.

The strength of the penalty is chosen on held-out rows, then all rows are fitted with it. Of 97 strengths, 8 a decade
from 1e-6 to 1e6, some 15 are tried: every second decade, then halves of the step around the best.

Legend: N rows that are judged, M rows to learn from, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.classes.classification import per_class_values
from components.evaluator.metrics.classes.logistic import LogisticRegression, Weights
from components.evaluator.metrics.ranking import Floats, Integers
from components.evaluator.metrics.unit_rows import check_same_width, check_unit_rows

STEPS_PER_DECADE = 8
STRENGTHS = tuple(10.0 ** (-6 + step / STEPS_PER_DECADE) for step in range(12 * STEPS_PER_DECADE + 1))
FIRST_STEP = 2 * STEPS_PER_DECADE
HELD_OUT = 5  # one row of so many, where a set has no part to choose by


@dataclass(frozen=True)
class Labelled:
    """Rows with classes.

    Attributes:
      embedding: [M, D], unit length.
      labels: [M] from 0 to K - 1.
    """

    embedding: Floats
    labels: Integers


@dataclass(frozen=True)
class Trial:
    """One strength of the penalty.

    Attributes:
      l2: the strength; scikit-learn's 1 / C.
      accuracy: the share of the held-out rows that are named rightly.
      iterations: of L-BFGS.
      converged: whether it ended before it was stopped.
    """

    l2: float
    accuracy: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class Probe:
    """What a linear probe found.

    Attributes:
      l2: the strength that was chosen, and with which all rows were fitted.
      trials: all that were tried, by strength.
      labels: [N] the right class.
      named: [N] the class that scores highest.
      converged: whether the last fit ended before it was stopped.
      without_training: rows of a class that no training row is of; they count as missed.
    """

    l2: float
    trials: tuple[Trial, ...]
    labels: NDArray[np.int64]
    named: NDArray[np.int64]
    converged: bool
    without_training: int

    def values(self) -> dict[str, NDArray[np.float64]]:
        """Returns name -> [N] values whose mean is the metric: probe_top_1 and probe_mean_per_class."""
        hits = (self.labels == self.named).astype(np.float64)
        return {"probe_top_1": hits, "probe_mean_per_class": per_class_values(hits, self.labels)}


def linear_probe(
    training: Labelled, test: Labelled, *, classes: int, validation: Labelled | None = None, seed: int = 0
) -> Probe:
    """Choose the strength of the penalty on held-out rows, fit all rows with it, and name the test rows' classes.

    Args:
      training: what is learnt from.
      test: what is judged; it chooses nothing.
      classes: K.
      validation: what the strength is chosen by; by default one row in five of `training`, drawn by `seed`. Once it is
        chosen these rows are learnt from too.
      seed: of that draw.

    Raises:
      ValueError: an embedding is no unit vector, a label is no class, or fewer than 2 classes have a training row.

    Reference: CLIP appendix A.3, arXiv:2103.00020. We differ: CLIP probes what stands before the projection to the
    shared space; this probes the embeddings themselves, which any served model gives.
    """
    for name, part in (("training", training), ("test", test), ("validation", validation)):
        if part is not None:
            _check(name, part, classes)
            check_same_width("the training embedding", training.embedding, f"the {name} embedding", part.embedding)
    if len(np.unique(training.labels)) < 2:
        raise ValueError("the training rows are of fewer than 2 classes; a probe tells classes apart")
    whole = training if validation is None else _joined(training, validation)
    part, held_out = (training, validation) if validation is not None else _split(training, seed)

    learner = LogisticRegression(part.embedding, part.labels)
    fitted: dict[int, Weights] = {}
    accuracy: dict[int, float] = {}

    def score(step: int) -> float:
        near = min(fitted, key=lambda other: abs(other - step), default=None)
        fitted[step] = learner.fit(STRENGTHS[step], None if near is None else fitted[near])
        named = learner.named(fitted[step], held_out.embedding)
        accuracy[step] = float(np.mean(named == held_out.labels))
        return accuracy[step]

    best = search(score)
    final = LogisticRegression(whole.embedding, whole.labels)
    weights = final.fit(STRENGTHS[best])
    trials = tuple(
        Trial(STRENGTHS[step], accuracy[step], fitted[step].iterations, fitted[step].converged)
        for step in sorted(fitted)
    )
    return Probe(
        STRENGTHS[best],
        trials,
        np.asarray(test.labels, np.int64),
        final.named(weights, test.embedding),
        weights.converged,
        int(np.sum(~np.isin(test.labels, whole.labels))),
    )


def search(score: Callable[[int], float]) -> int:
    """Returns the step of STRENGTHS that scores best among those tried; of equals the middle one, far from any cliff.

    Tried are every second decade, strongest first, then the neighbours of the best at half the step, down to 1.

    Args:
      score: step -> what is to be greatest; asked once a step.
    """
    last = len(STRENGTHS) - 1
    scores = {step: score(step) for step in range(last, -1, -FIRST_STEP)}
    width = FIRST_STEP
    while width > 1:
        width //= 2
        best = _middle_of_best(scores)
        for step in (best + width, best - width):
            if 0 <= step <= last and step not in scores:
                scores[step] = score(step)
    return _middle_of_best(scores)


def _middle_of_best(scores: Mapping[int, float]) -> int:
    best = max(scores.values())
    equals = sorted(step for step, score in scores.items() if score == best)
    return equals[len(equals) // 2]


def _check(name: str, part: Labelled, classes: int) -> None:
    check_unit_rows(f"the {name} embedding", part.embedding)
    labels = np.asarray(part.labels)
    if labels.shape != (len(part.embedding),) or not len(labels):
        raise ValueError(
            f"the {name} labels have the shape {labels.shape} for {len(part.embedding)} rows; give one a row, and a row"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(wrong):
        raise ValueError(
            f"the {name} row {wrong[0]} has the label {labels[wrong[0]]}, which none of the {classes} classes is"
        )


def _joined(one: Labelled, other: Labelled) -> Labelled:
    return Labelled(np.concatenate([one.embedding, other.embedding]), np.concatenate([one.labels, other.labels]))


def _split(rows: Labelled, seed: int) -> tuple[Labelled, Labelled]:
    """Returns four fifths of the rows, and the rest."""
    order = np.random.default_rng(seed).permutation(len(rows.labels))
    cut = max(len(order) // HELD_OUT, 1)
    held, kept = order[:cut], order[cut:]
    return tuple(Labelled(rows.embedding[part], rows.labels[part]) for part in (kept, held))  # type: ignore[return-value]
