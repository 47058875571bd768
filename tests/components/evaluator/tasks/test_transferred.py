"""What runs of a fine-tuning amount to, worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from components.evaluator.datasets.kinds import ClassSet
from components.evaluator.tasks.judged import from_mapping, to_mapping
from components.evaluator.tasks.transferred import judge_transfer, judge_vtab

LABELS = np.array([0, 0, 0, 1])
FIRST = np.array([[0, 1], [0, 1], [1, 0], [1, 0]])  # 3 of 4; of class 0 two thirds, of class 1 all
SECOND = np.array([[0, 1], [0, 1], [0, 1], [0, 1]])  # 3 of 4; all, and none


def judge(ranked: list[np.ndarray], classes: int = 3):
    ids = tuple(f"{index}.jpg" for index in range(len(LABELS)))
    test = ClassSet(ids, (lambda: b"",) * len(ids), LABELS, tuple((f"class {index}",) for index in range(classes)))
    return judge_transfer("pets", test, ranked, skipped={"test: broken": 1}, notes=["scaled"], seconds=2.0)


def test_two_runs_are_averaged_and_set_apart():
    found = judge([FIRST, SECOND])
    assert found.numbers["top_1"].value == 0.75
    assert found.numbers["top_1"].chance == pytest.approx(1 / 3)
    assert found.numbers["top_1_deviation"].value == 0
    assert found.numbers["mean_per_class"].value == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert found.numbers["mean_per_class_deviation"].value == pytest.approx((5 / 6 - 1 / 2) / math.sqrt(2))
    assert "top_5" not in found.numbers  # of 3 classes anybody would have it
    assert found.notes[:2] == ("top-1 of the runs: 75.00%, 75.00%", "scaled")
    assert found.per_query["class"]["top_1"].tolist() == [1, 1, 0.5, 0.5]
    assert found.numbers["top_1"].low < 0.75 < found.numbers["top_1"].high
    assert (found.dataset, found.task, found.skipped) == ("pets", "transfer", {"test: broken": 1})


def test_what_most_runs_miss_is_a_failure():
    found = judge([FIRST, SECOND, FIRST])
    (failure,) = found.failures
    assert (failure.asked.image, failure.got.text, failure.right.text) == ("2.jpg", "class 1", "class 0")
    assert failure.margin == pytest.approx(1 / 3)
    assert found.confusions == (("class 0", "class 1", 1),)
    assert [(part.name, part.numbers["top_1"].value) for part in found.slices] == [
        ("class 1", pytest.approx(2 / 3)),
        ("class 0", pytest.approx(7 / 9)),
    ]


def test_one_run_has_no_deviation_and_more_classes_a_top_5():
    ranked = np.array([[5, 4, 3, 2, 0], [5, 4, 3, 2, 1], [0, 1, 2, 3, 4], [1, 2, 3, 4, 5]])
    numbers = judge([ranked], classes=6).numbers
    assert {name: number.value for name, number in numbers.items()} == {
        "top_1": 0.5,
        "mean_per_class": pytest.approx((1 / 3 + 1) / 2),
        "top_5": 0.75,
    }
    assert numbers["top_5"].chance == pytest.approx(5 / 6)


def test_vtab_averages_tasks_in_each_run_and_says_which_are_missing():
    groups = {"natural": ("pets", "dtd"), "structured": ("kitti",), "specialized": ("eurosat",)}
    found = judge_vtab(groups, {"pets": (0.8, 0.6), "dtd": (0.4, 0.4), "kitti": (0.3, 0.5)}, ["seed 0"])
    assert found.numbers["top_1"].value == pytest.approx(0.5)
    assert found.numbers["top_1_deviation"].value == pytest.approx(0)
    assert {part.name: part.numbers["top_1"].value for part in found.slices} == {
        "natural": pytest.approx(0.55),
        "structured": pytest.approx(0.4),
    }
    assert found.notes == ("seed 0", "mean of 3 tasks, without eurosat")


def test_results_go_through_json():
    found = judge([FIRST, SECOND])
    assert from_mapping(json.loads(json.dumps(to_mapping(found)))).numbers["top_1"] == found.numbers["top_1"]
