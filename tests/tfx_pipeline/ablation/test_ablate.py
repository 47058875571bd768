"""An ablation: which rows are run, what is kept of them, and how it is shown, on outcomes made by hand."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import re

import pytest
from rich.console import Console

from report_samples import Page, drawn, events_of
from tfx_pipeline.ablation.ablate import ablate, outcome_of, outcomes_of, row_config
from tfx_pipeline.ablation.page import PAGE_FILE, render
from tfx_pipeline.ablation.results import RESULTS_FILE, Ablation, Outcome, read_outcomes, write_results
from tfx_pipeline.ablation.table import show
from tfx_pipeline.report.bar_chart import WIDTH, bar_chart
from tfx_pipeline.report.charts import Reference
from tfx_pipeline.runs.inputs import inputs_of
from tfx_pipeline.runs.run_record import record_of
from tfx_pipeline.settings.config import ConfigError, load
from tfx_pipeline.settings.sweeps import read_sweep

NEGATIVES = read_sweep("negatives")
METRICS = {
    "seen": {
        "i2t_recall_at_1": 0.25,
        "chance_i2t_recall_at_1": 0.05,
        "t2i_recall_at_1": 0.5,
        "zero_shot_top_1": math.nan,
    }
}
FILES = "a hash"
TRAINING = {"steps": 60.0, "seconds": 75.0, "loss": 3.25, "temperature": 0.02}


def config_of(row, **overrides):
    return row_config("demo", {"output": "/out", **overrides}, NEGATIVES, NEGATIVES.rows[row])


def outcome(row, i2t=0.25):
    metrics = {"seen": {**METRICS["seen"], "i2t_recall_at_1": i2t}}
    config = config_of(row).to_mapping()
    return Outcome(NEGATIVES.rows[row], config, FILES, f"runs/{row}", f"/out/models/{row}", metrics, TRAINING)


def inputs(config) -> str:
    return FILES


def three() -> Ablation:
    failed = Outcome(
        NEGATIVES.rows["25"], config_of("25").to_mapping(), run="runs/25", error="Trainer: out of <memory>"
    )
    return Ablation("align-demo-negatives", NEGATIVES, (outcome("100"), outcome("50", 0.125), failed))


def console() -> Console:
    return Console(file=io.StringIO(), width=160)


def said(told: Console) -> str:
    return told.file.getvalue()


# Which rows are run


def test_rows_share_a_pipeline_and_are_not_judged_against_each_other():
    for row, share in (("100", 1.0), ("25", 0.25)):
        config = config_of(row)
        assert (config.name, config.output, config.training.negatives) == ("align-demo-negatives", "/out", share)
        assert config.evaluation.max_drop_from_baseline == 1.0
        assert config.evaluation.min_metrics == load("demo").evaluation.min_metrics
    assert config_of("100", **{"training.seed": "7"}).training.seed == 7


def test_a_finished_row_stands_and_the_others_are_run_whatever_becomes_of_one():
    configs = {row: config_of(row) for row in NEGATIVES.rows}
    refused = ConfigError("training.negatives is 7")
    ran = []

    def train(row, config):
        ran.append(row.name)
        assert config == configs[row.name]
        return Outcome(row, error="Trainer: no") if row.name == "50" else outcome(row.name)

    earlier = {"100": outcome("100", 0.75), "50": dataclasses.replace(outcome("50"), error="Trainer: died")}
    told = console()
    found = list(outcomes_of(NEGATIVES, configs, earlier, inputs, train, told))
    assert ran == ["50", "25"]  # 100 has finished; 50 had failed, and fails again; 25 is new
    assert [(each.row.name, each.finished) for each in found] == [("100", True), ("50", False), ("25", True)]
    assert found[0].metrics["seen"]["i2t_recall_at_1"] == 0.75
    assert "finished before, in /out/align-demo-negatives/runs/100" in said(told)

    found = list(outcomes_of(NEGATIVES, {**configs, "100": refused}, {}, inputs, train, told))
    assert [each.error for each in found] == ["training.negatives is 7", "Trainer: no", ""]


def test_a_row_of_another_config_is_run_again_but_one_that_was_moved_is_not():
    finished = outcome("50")
    assert finished.answers(config_of("50"), inputs)
    assert finished.answers(config_of("50", output="/elsewhere"), inputs)
    assert not finished.answers(config_of("50", **{"training.seed": "7"}), inputs)
    assert not dataclasses.replace(finished, error="Trainer: no").answers(config_of("50"), inputs)


def test_a_row_whose_files_have_changed_is_run_again(tmp_path):
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_bytes(b"1")
    config = config_of("50", **{"vocabulary.file": str(vocabulary)})
    finished = dataclasses.replace(outcome("50"), config=config.to_mapping(), inputs=inputs_of(config))
    assert finished.answers(config, inputs_of)
    vocabulary.write_bytes(b"2")
    assert not finished.answers(config, inputs_of)
    with pytest.raises(ConfigError, match=r"^ingest\.shards is '.*/none', which does not exist"):
        inputs_of(config_of("50", **{"ingest.shards": str(tmp_path / "none")}))


def test_what_was_kept_without_its_files_is_run_again(tmp_path):
    write_results(three(), tmp_path / RESULTS_FILE)
    values = json.loads((tmp_path / RESULTS_FILE).read_text(encoding="utf-8"))
    for row in values["rows"]:
        del row["inputs"]
    (tmp_path / RESULTS_FILE).write_text(json.dumps(values), encoding="utf-8")
    found = read_outcomes(tmp_path / RESULTS_FILE, NEGATIVES.rows.values())
    assert not found["100"].answers(config_of("100"), inputs)


def test_where_all_rows_have_finished_nothing_is_run_and_all_is_written(tmp_path):
    root = tmp_path / "align-demo-negatives"
    root.mkdir()
    configs = {row: config_of(row) for row in NEGATIVES.rows}
    done = [
        dataclasses.replace(outcome(row), config=config.to_mapping(), inputs=inputs_of(config))
        for row, config in configs.items()
    ]
    write_results(Ablation(root.name, NEGATIVES, tuple(done[::-1])), root / RESULTS_FILE)
    told = console()
    found = ablate("demo", {"output": str(tmp_path)}, "negatives", [], told)
    assert not found.failed
    assert [each.row.name for each in found.outcomes] == ["100", "50", "25"]  # in the sweep's order
    assert (root / PAGE_FILE).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not (root / "runs").exists()
    assert str(root / RESULTS_FILE) in said(told)


def test_a_sweep_of_which_no_row_can_be_is_refused_by_its_first_reason(tmp_path):
    with pytest.raises(ConfigError, match="only 'softmax' leaves negatives out"):
        ablate("demo", {"output": str(tmp_path), "training.loss": "sigmoid"}, "negatives", ["50", "25"], console())
    assert list(tmp_path.iterdir()) == []


def test_a_row_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="'51' is no row of the sweep negatives; its rows are 100, 50, 25"):
        ablate("demo", {"output": str(tmp_path)}, "negatives", ["51"], console())


# What is kept


def test_a_run_that_failed_says_where_and_why(tmp_path):
    events = [
        {"event": "pipeline_started", "name": "n", "components": ["Trainer"], "time": 1.0},
        {"event": "component_started", "component": "Trainer", "time": 2.0},
        {"event": "component_failed", "component": "Trainer", "error": "out of memory", "time": 3.0},
    ]
    record = record_of(tmp_path / "n" / "runs" / "r1", events)
    found = outcome_of(NEGATIVES.rows["50"], config_of("50"), record)
    assert (found.error, found.run, found.metrics, found.finished) == ("Trainer: out of memory", "runs/r1", {}, False)


def test_a_run_whose_evaluation_is_gone_has_failed(tmp_path):
    record = record_of(
        tmp_path / "tiny" / "runs" / "r1", events_of({"Evaluator": {"evaluation": str(tmp_path / "no")}})
    )
    found = outcome_of(NEGATIVES.rows["50"], config_of("50"), record)
    assert found.error.startswith("Evaluator: its numbers cannot be read: ")


def test_results_come_back_as_they_were_written_and_no_number_is_null(tmp_path):
    path = tmp_path / RESULTS_FILE
    write_results(three(), path)
    assert [each.name for each in tmp_path.iterdir()] == [RESULTS_FILE]
    found = read_outcomes(path, NEGATIVES.rows.values())
    assert list(found) == ["100", "50", "25"]
    assert math.isnan(found["100"].metrics["seen"].pop("zero_shot_top_1"))
    expected = outcome("100")
    expected.metrics["seen"].pop("zero_shot_top_1")
    assert found["100"] == expected
    assert found["25"] == three().outcomes[2]
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written["rows"][0]["metrics"]["seen"]["zero_shot_top_1"] is None
    assert written["rows"][1]["set"] == {"training.negatives": 0.5}
    assert written["rows"][1]["paper"] == [50.2, 37.0, 63.8]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2}', '{"format": 1, "rows": [{"name": "50"}]}', "3"])
def test_damaged_results_are_one_sentence(tmp_path, text):
    path = tmp_path / RESULTS_FILE
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="delete it, and every row is run again") as caught:
        read_outcomes(path, NEGATIVES.rows.values())
    assert "\n" not in str(caught.value)


# How it is shown


def test_the_table_has_the_papers_numbers_beside_ours():
    told = console()
    show(three(), told)
    lines = [re.split(r"\s{2,}", line.strip()) for line in said(told).splitlines()]
    assert ["negatives", "I→T R@1", "T→I R@1", *(f"paper: {name}" for name in NEGATIVES.measures)] in lines
    assert ["100", "25.0 %", "50.0 %", "51.7 %", "37.5 %", "64.6 %"] in lines
    assert ["50", "12.5 %", "50.0 %", "50.2 %", "37.0 %", "63.8 %"] in lines
    assert ["25", "failed", "48.7 %", "35.8 %", "63.3 %"] in lines
    assert "negatives/25 failed: Trainer: out of <memory>" in said(told)


def test_the_table_cuts_no_word_off_where_the_terminal_is_narrow():
    told = Console(file=io.StringIO(), width=50)
    show(three(), told)
    assert "…" not in said(told)


def test_the_page_shows_every_row_and_links_its_run(tmp_path):
    page = Page(render(three(), tmp_path))
    links = [attributes["href"] for name, attributes in page.elements if name == "a"]
    assert links[:1] == ["runs/100/"]
    assert "Trainer: out of <memory>" in page.text
    labels = [attributes["aria-label"] for name, attributes in page.elements if name == "svg"]
    assert labels == [
        "I→T R@1 of 3 rows, 25.0 % at best",
        "T→I R@1 of 3 rows, 50.0 % at best",
        *(
            f"{name} of 3 rows, {best} % at best"
            for name, best in zip(NEGATIVES.measures, (51.7, 37.5, 64.6), strict=True)
        ),
    ]
    bars = [attributes for name, attributes in page.elements if name == "rect"]
    assert len(bars) == 2 + 2 + 3 * 3  # the failed row has none of ours


def test_bars_are_as_long_as_their_values_and_a_missing_one_is_a_dash():
    chart = bar_chart(["a", "b", "c"], [0.2, 0.4, math.nan], label="l", write=str, reference=Reference(0.1, "guessing"))
    page = drawn("bar_chart", chart)
    bars = [attributes for name, attributes in page.elements if name == "rect"]
    first, second = (float(bar["width"]) for bar in bars)
    assert second == pytest.approx(2 * first, abs=0.1)
    (dashed,) = [found for name, found in page.elements if name == "line" and found["class"] == "reference"]
    assert float(dashed["x1"]) == pytest.approx(float(bars[0]["x"]) + first / 2, abs=0.1)
    assert float(bars[1]["x"]) + second < WIDTH
    assert "–" in page.text  # noqa: RUF001 - the dash of wording.NOTHING
    assert "guessing 0.1" in page.text


@pytest.mark.parametrize(("level", "anchor"), [(0.05, "start"), (0.4, "end")])
def test_the_name_of_a_level_stands_on_the_side_that_has_room(level, anchor):
    chart = bar_chart(["a", "b"], [0.1, 0.2], label="l", write=str, reference=Reference(level, "guessing"))
    (note,) = [
        found for name, found in drawn("bar_chart", chart).elements if name == "text" and found.get("class") == "note"
    ]
    assert note["text-anchor"] == anchor


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [math.nan]])
def test_bars_of_nothing_are_drawn(values):
    chart = bar_chart(["x" * 50] * len(values), values, label="l", write=str)
    assert drawn("bar_chart", chart).elements[0][0] == "svg"
