"""Zero-shot metrics: cases to check by hand, a slow oracle, and the two ends of the scale."""

import math

import numpy as np
import pytest

from components.evaluator.metrics.classes.zero_shot import zero_shot_metrics


def unit(rows) -> np.ndarray:
    array = np.asarray(rows, np.float32)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def test_a_case_to_check_by_hand():
    classes = {"face": unit([1, 0]), "fruit": unit([0, 1])}
    images = unit([[3, 1], [1, 3], [1, 4], [9, 1]])
    metrics = zero_shot_metrics(images, ["face", "face", "fruit", ""], classes)
    assert metrics["zero_shot_top_1"] == pytest.approx(2 / 3)  # the second image looks like fruit
    assert math.isnan(metrics["zero_shot_top_5"])  # of two classes, any model's first five hold the right one
    assert metrics["num_classes"] == 2
    assert metrics["majority_class_share"] == pytest.approx(2 / 3)
    assert metrics["chance_zero_shot"] == 0.5


@pytest.mark.parametrize("images_per_chunk", [1, 7, 50, 1000])
def test_chunked_equals_naive(images_per_chunk):
    rng = np.random.default_rng(0)
    names = [f"class {i}" for i in range(13)]
    classes = {name: unit(rng.normal(size=6)) for name in names}
    images = unit(rng.normal(size=(50, 6)))
    labels = [*rng.choice(names, size=45).tolist(), *[""] * 5]
    hits = {1: 0, 5: 0}
    for image, label in zip(images[:45], labels, strict=False):
        order = sorted(names, key=lambda name: -float(image @ classes[name]))
        for k in hits:
            hits[k] += label in order[:k]
    metrics = zero_shot_metrics(images, labels, classes, images_per_chunk=images_per_chunk)
    assert metrics["zero_shot_top_1"] == pytest.approx(hits[1] / 45)
    assert metrics["zero_shot_top_5"] == pytest.approx(hits[5] / 45)


def test_a_collapsed_model_scores_chance():
    same = unit([1, 2, 3])
    classes = {f"class {i}": same for i in range(20)}
    metrics = zero_shot_metrics(np.tile(same, (40, 1)), [f"class {i % 20}" for i in range(40)], classes)
    assert metrics["zero_shot_top_1"] == pytest.approx(1 / 20)
    assert metrics["zero_shot_top_5"] == pytest.approx(5 / 20)


def test_a_perfect_model_scores_one():
    classes = {str(i): row for i, row in enumerate(np.eye(9, dtype=np.float32))}
    metrics = zero_shot_metrics(np.eye(9, dtype=np.float32), [str(i) for i in range(9)], classes)
    assert metrics["zero_shot_top_1"] == metrics["zero_shot_top_5"] == 1.0


@pytest.mark.parametrize("number", range(1, 8))
def test_no_accuracy_among_so_few_classes_that_any_model_scores_one(number):
    classes = {str(i): row for i, row in enumerate(np.eye(number, dtype=np.float32))}
    metrics = zero_shot_metrics(np.eye(number, dtype=np.float32), list(classes), classes)
    assert metrics["num_classes"] == number
    assert math.isnan(metrics["zero_shot_top_1"]) is (number <= 1)
    assert math.isnan(metrics["zero_shot_top_5"]) is (number <= 5)


def test_without_labels_nothing_is_claimed():
    metrics = zero_shot_metrics(np.eye(2, dtype=np.float32), ["", ""], {})
    assert metrics["num_classes"] == 0
    assert all(math.isnan(value) for name, value in metrics.items() if name != "num_classes")


def test_an_embedding_that_is_not_finite_has_no_rank_but_facts_stay():
    images = np.array([[1, 0], [np.nan, 0]], np.float32)
    metrics = zero_shot_metrics(images, ["a", "b"], {"a": unit([1, 0]), "b": unit([0, 1])})
    assert math.isnan(metrics["zero_shot_top_1"])
    assert metrics["majority_class_share"] == 0.5


def test_a_label_without_embedding_is_refused():
    with pytest.raises(ValueError, match="no entry for the label 'boat'"):
        zero_shot_metrics(np.eye(2, dtype=np.float32), ["car", "boat"], {"car": unit([1, 0])})
