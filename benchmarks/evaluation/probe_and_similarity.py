"""Measures the linear probe beside scikit-learn, Spearman's correlation beside SciPy, CxC's bootstrap beside all pairs.

Usage: .venv/bin/python -m benchmarks.evaluation.probe_and_similarity [--rows 10000] [--width 640] [--classes 100]
       [--pairs 44833]

The probe's rows are made as towers give them: unit vectors in a narrow cone, a cluster a class, clusters that overlap,
most of the variance in few directions. scikit-learn is asked twice: as it comes, which stops where no entry of the
gradient is above 1e-4, far from the optimum on rows of unit length; and with a tolerance that leads it there.
The ratings are made in the shape of CxC's SITS: as many pairs, 0 to 5 in steps of 0.2, and a model that agrees with
them about as far as the published ones do; once with as many pairs a query, once with one to four, as people rated
them. Prints Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression as Peer

from benchmarks.shared.machine import describe_machine
from components.evaluator.metrics.classes.linear_probe import STRENGTHS, Labelled, linear_probe
from components.evaluator.metrics.classes.logistic import LogisticRegression
from components.evaluator.metrics.similarity import DRAWS, crisscrossed_correlations, spearman

STEPS = (56, 48, 40, 32, 24)  # of STRENGTHS: 10, 1, 0.1, 0.01 and 1e-3
TOLERANCE, ITERATIONS = 1e-7, 10_000  # with which scikit-learn reaches the optimum
ASKED_POINTS, ASKED_BOOTSTRAP = 0.2, 0.1  # of 100
PEER_DRAWS = 50


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Returns what a call returns, and the CPU seconds that it took."""
    start = time.process_time()
    found = call()
    return found, time.process_time() - start


def made_rows(rows: int, width: int, classes: int, seed: int) -> Labelled:
    """Returns unit rows in a cone; the clusters are the same for every seed."""
    shape = np.random.default_rng(0)
    centres, common = shape.normal(size=(classes, width)), 2 * shape.normal(size=width)
    spread = np.geomspace(2.0, 0.02, width)
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=rows)
    vectors = common + spread * (0.25 * centres[labels] + rng.normal(size=(rows, width)))
    return Labelled((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels)


def probe_rows(training: Labelled, test: Labelled) -> Iterator[str]:
    """Yields the table of fits, a row as soon as it is there: both at the same strengths, from zeros."""
    ours, preparing = timed(lambda: LogisticRegression(training.embedding, training.labels))
    yield from (
        f"Centring and turning the rows takes ours {preparing:.1f} s of CPU, once for all strengths.",
        "",
        "| strength of the penalty (1 / C) | top-1 ours | scikit-learn at its optimum | difference, points | asked | "
        "scikit-learn as it comes | CPU ours, s | at its optimum, s | as it comes, s | iterations of the three |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    )
    for step in STEPS:
        l2 = STRENGTHS[step]
        weights, own_s = timed(lambda: ours.fit(l2))  # noqa: B023
        one = 100 * np.mean(ours.named(weights, test.embedding) == test.labels)
        peers = []
        for settings in ({"tol": TOLERANCE, "max_iter": ITERATIONS}, {"max_iter": 1000}):
            unfitted = Peer(C=1 / l2, **settings)
            peer, peer_s = timed(lambda: unfitted.fit(training.embedding, training.labels))  # noqa: B023
            peers.append((100 * np.mean(peer.predict(test.embedding) == test.labels), peer_s, peer.n_iter_[0]))
        (best, best_s, best_steps), (plain, plain_s, plain_steps) = peers
        yield (
            f"| {l2:g} | {one:.2f} | {best:.2f} | {abs(one - best):.2f} | at most {ASKED_POINTS} | {plain:.2f} | "
            f"{own_s:.1f} | {best_s:.1f} | {plain_s:.1f} | {weights.iterations} / {best_steps} / {plain_steps} |"
        )


def sweep_rows(training: Labelled, test: Labelled, classes: int) -> list[str]:
    """Returns what a whole probe takes, choice and last fit, beside scikit-learn's on the same strengths."""
    probe, own_s = timed(lambda: linear_probe(training, test, classes=classes))
    kept = len(training.labels) * 4 // 5
    order = np.random.default_rng(0).permutation(len(training.labels))[-kept:]

    def peer_sweep() -> Any:
        peer = Peer(max_iter=1000, warm_start=True)
        for trial in reversed(probe.trials):
            peer.set_params(C=1 / trial.l2).fit(training.embedding[order], training.labels[order])
        return Peer(C=1 / probe.l2, max_iter=1000).fit(training.embedding, training.labels)

    peer, peer_s = timed(peer_sweep)
    one = 100 * np.mean(probe.values()["probe_top_1"])
    other = 100 * np.mean(peer.predict(test.embedding) == test.labels)
    return [
        "| whole probe | top-1 | CPU, s |",
        "|---|---:|---:|",
        f"| ours: {len(probe.trials)} strengths, then {probe.l2:.3g} on all rows | {one:.2f} | {own_s:.1f} |",
        f"| scikit-learn as it comes, warm started, on the same strengths | {other:.2f} | {peer_s:.1f} |",
    ]


def similarity_rows(pairs: int) -> list[str]:
    """Returns the table of correlations."""
    rng = np.random.default_rng(0)
    ratings = np.round(rng.uniform(0, 5, pairs) * 5) / 5
    similarity = ratings + 1.9 * rng.normal(size=pairs)
    own, own_s = timed(lambda: spearman(similarity, ratings))
    peer, peer_s = timed(lambda: spearmanr(similarity, ratings).statistic)
    lines = [
        f"| {pairs} pairs | ours | beside it | difference | asked | CPU ours, s | CPU beside it, s |",
        "|---|---:|---:|---:|---:|---:|---:|",
        f"| Spearman x 100, beside SciPy | {100 * own:.4f} | {100 * peer:.4f} | {100 * abs(own - peer):.1e} | equal | "
        f"{own_s:.3f} | {peer_s:.3f} |",
    ]
    several = np.repeat(np.arange(pairs), rng.integers(1, 5, size=pairs))[:pairs]
    for name, query in (("two pairs a query", np.arange(pairs) // 2), ("one to four pairs a query", several)):
        found, own_s = timed(lambda: crisscrossed_correlations(query, similarity, ratings))  # noqa: B023
        half = pairs // 4
        _, draw_s = timed(lambda: [spearmanr(similarity[:half], ratings[:half]) for _ in range(PEER_DRAWS)])  # noqa: B023
        lines.append(
            f"| CxC's bootstrap x 100, {DRAWS} draws, {name}: mean (deviation {100 * found.deviation:.2f}), beside all "
            f"pairs; time beside SciPy's | {100 * found.mean:.3f} | {100 * own:.3f} | "
            f"{100 * abs(found.mean - own):.3f} | at most {ASKED_BOOTSTRAP} | {own_s:.1f} | "
            f"{draw_s * DRAWS / PEER_DRAWS:.1f} |"
        )
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=44_833)
    flags = parser.parse_args()
    print(describe_machine(), end="\n\n")
    print(*similarity_rows(flags.pairs), "", sep="\n")
    training, test = (made_rows(flags.rows, flags.width, flags.classes, seed) for seed in (1, 2))
    for line in probe_rows(training, test):
        print(line, flush=True)
    print("", *sweep_rows(training, test, flags.classes), sep="\n")


if __name__ == "__main__":
    main()
