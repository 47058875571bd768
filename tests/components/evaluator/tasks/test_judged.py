"""The JSON form of what was judged, and which failures are shown."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from components.evaluator.tasks.judged import Answers, Item, Judged, Number, from_mapping, hardest, to_mapping
from components.evaluator.tasks.measures import MEASURES

EXAMPLE = Path(__file__).parents[3] / "tfx_pipeline" / "judging" / "example" / "results.json"
NOT_JUDGED = ("data_fingerprint", "per_query", "pictures", "broken")  # the folder's own part of a row


def test_the_example_is_read_and_written_alike():
    rows = json.loads(EXAMPLE.read_text(encoding="utf-8"))["rows"]
    for row in rows:
        written = json.loads(json.dumps(to_mapping(from_mapping(row)), allow_nan=False))
        assert written == {key: value for key, value in row.items() if key not in NOT_JUDGED}
        assert set(row["numbers"]) <= set(MEASURES)


def test_a_number_that_does_not_exist_is_null_and_comes_back():
    form = to_mapping(Judged("set", "retrieval", "test", None, {"top_1": Number(math.nan)}))
    assert form["numbers"]["top_1"] == {"value": None, "low": None, "high": None, "queries": 0, "chance": None}
    assert math.isnan(from_mapping(form).numbers["top_1"].value)


def test_the_hardest_failures_are_wrong_and_worst_first():
    items = [Item(text=name) for name in "abcd"]
    told = Answers(
        decides="hit",
        keys=("a", "b", "c"),
        clusters=np.arange(3),
        asked=np.array([0, 1, 2]),
        got=np.array([3, 3, 3]),
        right=np.array([1, 2, 0]),
        margin=np.array([0.1, -0.2, 0.4]),
    )
    failures = hardest(items, {"t2i": told})
    assert [(failure.asked.text, failure.right.text, failure.margin) for failure in failures] == [
        ("c", "a", 0.4),
        ("a", "b", 0.1),
    ]
    assert len(hardest(items, {"t2i": told}, count=1)) == 1
