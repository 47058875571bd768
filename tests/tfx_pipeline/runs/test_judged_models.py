"""The table of judged models: a row a model, also when runs come from the cache, crash, or change their splits."""

from __future__ import annotations

import csv
import dataclasses
import math

import pytest

from report_samples import METRICS, events_of
from tfx_pipeline.runs.judged_models import append_model, number, read_models
from tfx_pipeline.runs.run_record import record_of

FOUND = {"metrics": METRICS, "baseline": {}, "refusals": [], "blessed": True}


def ended(root, run: str, evaluation: int):
    """Returns the record of a run that ended well; its Evaluator's output is a folder of that number."""
    outputs = {
        "Trainer": {"model": str(root / f"artifacts/Trainer/model/{evaluation - 1}")},
        "Evaluator": {"evaluation": str(root / f"artifacts/Evaluator/evaluation/{evaluation}")},
    }
    return record_of(root / "runs" / run, events_of(outputs))


def test_a_judged_model_is_a_row_with_its_numbers(tmp_path):
    append_model(ended(tmp_path, "r1", 9), FOUND)
    (row,) = csv.DictReader((tmp_path / "history.csv").open(encoding="utf-8"))
    assert list(row)[:6] == ["run", "finished", "model", "evaluation", "blessed", "seen/i2t_recall_at_1"]
    assert row["run"] == "r1"
    assert row["finished"] == "1970-01-01T00:01:39Z"
    assert row["model"] == "artifacts/Trainer/model/8"
    assert row["evaluation"] == "artifacts/Evaluator/evaluation/9"
    assert row["blessed"] == "yes"
    assert float(row["seen/t2i_recall_at_10"]) == METRICS["seen"]["t2i_recall_at_10"]  # to the last digit
    assert len(row) == 5 + 8


def test_a_run_from_the_cache_adds_none_and_a_new_model_one(tmp_path):
    append_model(ended(tmp_path, "r1", 9), FOUND)
    before = (tmp_path / "history.csv").read_bytes()
    append_model(ended(tmp_path, "r2", 9), FOUND)
    assert (tmp_path / "history.csv").read_bytes() == before
    append_model(ended(tmp_path, "r3", 14), {**FOUND, "blessed": False})
    assert [(row["run"], row["blessed"]) for row in read_models(tmp_path)] == [("r1", "yes"), ("r3", "no")]
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_a_run_that_did_not_end_well_adds_none(tmp_path):
    failed = dataclasses.replace(ended(tmp_path, "r1", 9), finished=None)
    append_model(failed, FOUND)
    append_model(ended(tmp_path, "r2", 9), {"why": "damaged"})
    append_model(ended(tmp_path, "r3", 9), {})
    append_model(record_of(tmp_path / "runs" / "r4", events_of({})), FOUND)
    assert not (tmp_path / "history.csv").exists()


def test_other_splits_are_columns_of_their_own_and_what_is_no_number_is_empty(tmp_path):
    append_model(ended(tmp_path, "r1", 9), FOUND)
    other = {"metrics": {"test": {"t2i_recall_at_1": 0.25, "zero_shot_top_1": math.nan}}, "blessed": True}
    append_model(ended(tmp_path, "r2", 10), other)
    first, second = read_models(tmp_path)
    assert first["test/t2i_recall_at_1"] == second["seen/t2i_recall_at_1"] == ""
    assert number(second, "test/t2i_recall_at_1") == 0.25
    assert math.isnan(number(second, "test/zero_shot_top_1"))
    assert math.isnan(number({"a": "41 %"}, "a"))


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xfe", b"run,finished,model,evaluation,blessed\n1,2\n"])
def test_another_table_of_that_name_stays_as_it_is(tmp_path, content, caplog):
    (tmp_path / "history.csv").write_bytes(content)
    append_model(ended(tmp_path, "r1", 9), FOUND)
    assert (tmp_path / "history.csv").read_bytes() == content
    assert "is no table of judged models" in caplog.text
    assert "move it away" in caplog.text
