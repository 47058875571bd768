"""Linear probe: scikit-learn as the oracle of the fit, a walk over all strengths as that of the search."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluator.metrics.classes.linear_probe import STRENGTHS, Labelled, linear_probe, search
from components.evaluator.metrics.classes.logistic import LogisticRegression


def made_rows(seed: int, rows: int, classes: int, width: int = 12) -> Labelled:
    """Clusters on a narrow cone, as contrastive towers give them: unit rows with a large common part."""
    centres = np.random.default_rng(0).normal(size=(classes, width))
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=rows)
    vectors = 4 + centres[labels] + 0.8 * rng.normal(size=(rows, width)) * np.linspace(0.1, 1.5, width)
    return Labelled((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("l2", [1e-3, 1.0])
def test_the_fit_is_scikit_learns_at_the_same_strength(classes, l2):
    from sklearn.linear_model import LogisticRegression as Peer

    training, test = made_rows(1, 300, classes), made_rows(2, 200, classes)
    peer = Peer(C=1 / l2, max_iter=10_000, tol=1e-8).fit(training.embedding, training.labels)
    ours = LogisticRegression(training.embedding, training.labels)
    weights = ours.fit(l2)
    assert weights.converged
    assert np.mean(ours.named(weights, test.embedding) == peer.predict(test.embedding)) > 0.99
    again = ours.fit(l2, weights)
    assert again.iterations <= 3  # warm started at the end
    from_afar = ours.fit(l2, ours.fit(100 * l2))
    np.testing.assert_allclose(from_afar.weight, weights.weight, atol=0.02 * np.abs(weights.weight).max())


def test_the_gradient_is_the_losss_slope():
    training = made_rows(1, 60, 3, width=4)
    ours = LogisticRegression(training.embedding, training.labels)
    scale, point = np.array([0.5, 1, 2, 0.7]), np.random.default_rng(0).normal(size=15)
    gradient = ours._loss(point, scale, 0.3)[1]
    for axis in range(15):
        step = np.eye(15)[axis] * 1e-2
        slope = (ours._loss(point + step, scale, 0.3)[0] - ours._loss(point - step, scale, 0.3)[0]) / 2e-2
        assert gradient[axis] == pytest.approx(slope, abs=1e-3)


def test_a_probe_chooses_on_held_out_rows_and_learns_from_all():
    training, test = made_rows(1, 400, 5), made_rows(2, 300, 5)
    probe = linear_probe(training, test, classes=5)
    assert len(probe.trials) <= 15
    best = max(trial.accuracy for trial in probe.trials)
    assert probe.l2 in [trial.l2 for trial in probe.trials if trial.accuracy == best]
    values = probe.values()
    assert np.mean(values["probe_top_1"]) == np.mean(probe.named == test.labels) > 0.8
    shares = [np.mean(probe.named[test.labels == label] == label) for label in range(5)]
    assert np.mean(values["probe_mean_per_class"]) == pytest.approx(np.mean(shares))
    given_part = Labelled(training.embedding[:80], training.labels[:80])
    rest = Labelled(training.embedding[80:], training.labels[80:])
    assert np.mean(linear_probe(rest, test, classes=5, validation=given_part).values()["probe_top_1"]) > 0.8


def test_it_does_not_depend_on_the_order_of_the_classes_or_on_one_that_nothing_is_of():
    training, test = made_rows(1, 200, 3), made_rows(2, 100, 3)
    plain = linear_probe(training, test, classes=3)
    moved = linear_probe(
        Labelled(training.embedding, 2 * training.labels), Labelled(test.embedding, 2 * test.labels), classes=9
    )
    np.testing.assert_array_equal(moved.named, 2 * plain.named)
    assert moved.without_training == 0
    unseen = linear_probe(training, Labelled(test.embedding, np.full(100, 7)), classes=9)
    assert unseen.without_training == 100
    assert np.mean(unseen.values()["probe_top_1"]) == 0


def test_a_collapsed_model_names_one_class():
    same = np.full((60, 4), 0.5, np.float32)
    labels = np.array([0] * 30 + [1] * 20 + [2] * 10)
    probe = linear_probe(Labelled(same, labels), Labelled(same, labels), classes=3)
    assert {*probe.named.tolist()} == {0}
    assert np.mean(probe.values()["probe_top_1"]) == 0.5


@given(st.integers(0, 96), st.floats(0.1, 3))
def test_the_search_finds_the_peak_among_a_few_strengths(peak, width):
    asked: list[int] = []

    def score(step: int) -> float:
        asked.append(step)
        return -(abs(step - peak) ** width)

    assert search(score) == peak
    assert len(asked) == len({*asked}) <= 15
    assert asked[:7] == [96, 80, 64, 48, 32, 16, 0]


def test_of_equal_strengths_the_middle_one_is_taken():
    assert search(lambda step: 1.0) == 48
    assert search(lambda step: float(step <= 60)) == 32  # not 48, the last before the cliff among those tried first
    assert (STRENGTHS[0], STRENGTHS[48], STRENGTHS[96], len(STRENGTHS)) == (1e-6, 1, 1e6, 97)
    assert math.log10(STRENGTHS[1] / STRENGTHS[0]) == pytest.approx(1 / 8)


GOOD = made_rows(1, 20, 3)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"training": Labelled(GOOD.embedding, np.zeros(20, int))}, "fewer than 2 classes"),
        ({"test": Labelled(GOOD.embedding, np.full(20, 3))}, "the test row 0 has the label 3, which none of the 3"),
        ({"test": Labelled(GOOD.embedding[:0], GOOD.labels[:0])}, r"the test labels have the shape \(0,\) for 0 rows"),
        ({"training": Labelled(GOOD.embedding * 3, GOOD.labels)}, "row 0 of the training embedding has the length 3"),
        ({"validation": Labelled(GOOD.embedding * np.nan, GOOD.labels)}, "the validation embedding holds NaN"),
        (
            {"test": made_rows(1, 20, 3, width=5)},
            "the training embedding has 12 numbers a row and the test embedding 5",
        ),
    ],
)
def test_bad_input_is_told_in_one_sentence(changed, told):
    with pytest.raises(ValueError, match=told):
        linear_probe(**({"training": GOOD, "test": GOOD, "classes": 3} | changed))
