"""The report: its figures are the inputs', it loads nothing, no text breaks its markup, no missing piece breaks it."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluator.config import EvaluationConfig
from report_samples import HISTORY, METRICS, Page, events_of, page_of, section_of
from tfx_pipeline.report.contents import Contents, Evaluation, Missing, gather, in_order
from tfx_pipeline.report.data_section import data_section
from tfx_pipeline.report.evaluation_section import evaluation_section
from tfx_pipeline.report.example_answers import (
    Answer,
    Question,
    SplitAnswers,
)
from tfx_pipeline.report.findings import keep_findings
from tfx_pipeline.report.page import render
from tfx_pipeline.report.rebuild import rebuild
from tfx_pipeline.report.run_section import config_flag, key_figures, verdict
from tfx_pipeline.runs.run_record import RunRecord, record_of
from tfx_pipeline.runs.training_history import FIELDS
from tfx_pipeline.settings.config import ConfigError, load
from tfx_pipeline.wording import NOTHING

# Figures


def test_read_kept_and_dropped_are_the_reports_own(contents):
    ingest, reasons, notes, samples, filtered, rules, _ = Page(section_of("data", data_section(contents))).tables
    assert [row[:7] for row in ingest[1:]] == [
        ["train", "4,230", "4,218", "12", "8,448", "8,441", "7"],
        ["seen", "1,406", "1,406", "–", "2,812", "2,811", "1"],  # noqa: RUF001
        ["all", "5,636", "5,624", "12", "11,260", "11,252", "8"],
    ]
    assert reasons == [
        ["Reason", "Dropped", "train", "seen", "all"],
        ["image_too_large", "images", "3", "–", "3"],  # noqa: RUF001
        ["no_image", "images", "9", "–", "9"],  # noqa: RUF001
        ["not_utf8", "captions", "7", "1", "8"],
    ]
    assert notes[1:] == [["language_unknown", "captions", "–", "4", "4"]]  # noqa: RUF001
    assert samples[1:] == [["no_image", "0.tar#k1", "members: <json>"]]
    assert filtered[1][:7] == ["train", "4,218", "4,196", "22", "8,441", "7,000", "1,441"]
    assert rules == [
        ["Rule", "Threshold", "train, images", "train, captions"],
        ["shorter_side|ALIGN section 3", "32", "18", "36"],
        ["aspect_ratio|ALIGN section 3", "2.50", "–", "–"],  # noqa: RUF001
        ["evaluation_image|appendix A", "on", "4", "8"],
        ["too_few_words|ALIGN section 3", "3", "–", "1,397"],  # noqa: RUF001
    ]


@settings(deadline=None)
@given(
    counts=st.dictionaries(
        st.sampled_from(["train", "validation", "test"]),
        st.tuples(st.integers(0, 10**9), st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 10**9))),
        min_size=1,
    )
)
def test_what_the_page_shows_balances(counts):
    splits = {}
    for name, (kept, dropped) in counts.items():
        one = {"read": kept + sum(dropped.values()), "kept": kept, "dropped": dropped}
        splits[name] = {"images": one, "captions": one}
    record = RunRecord(Path("root/runs/r"), "tiny")
    nothing = Missing("-")
    contents = Contents(
        record, {}, "", {"splits": splits, "samples": {}}, nothing, nothing, nothing, nothing, False, nothing
    )
    tables = Page(section_of("data", data_section(contents))).tables
    shown = [[number_in(cell) for cell in row[1:7]] for row in tables[0][1:]]
    for row, split in zip(shown, splits.values(), strict=False):  # a row for all may follow
        assert row[0] == row[1] + row[2] == split["images"]["read"]
        assert row[3] == row[4] + row[5] == split["captions"]["read"]
    by_reason = [row for row in tables[1][1:] if row[1] == "images"] if len(tables) > 1 else []
    total = sum(number_in(row[-1]) for row in by_reason)
    assert total == sum(sum(split["images"]["dropped"].values()) for split in splits.values())


def number_in(cell: str) -> int:
    return 0 if cell == NOTHING else int(cell.replace(",", ""))


def test_the_vocabulary_is_the_reports_own(contents):
    facts, languages = Page(section_of("vocabulary", contents.vocabulary)).tables
    assert [row[1] for row in facts[1:]] == ["4,000", "7,000", "24,311", "5,311", "1.38", "1.2 %"]
    assert languages[2] == ["zh-Hans", "1,000", "3,311", "1,000", "1.00", "9.2 %"]


def test_retrieval_and_zero_shot_stand_beside_chance(contents):
    retrieval, zero_shot, decided = Page(section_of("evaluation", evaluation_section(contents))).tables
    assert retrieval[1:] == [
        ["seen", "text → image", "1,406", "2,811", "16.0 %|0.07 %", "32.0 %|0.36 %", "52.0 %|0.71 %"],
        ["seen", "image → text", "1,406", "2,811", "5.0 %|0.07 %", "25.0 %|0.36 %", "50.0 %|0.71 %"],
    ]
    assert zero_shot[1:] == [["seen", "16", "45.1 %|6.2 %", "79.3 %|31.2 %", "14.2 %"]]
    assert decided[1:] == [
        ["seen/t2i_recall_at_10", "✓ reached", "52.0 %", "30.0 %", "25.0 %"],
        ["seen/zero_shot_top_1", "✗ missed", "45.1 %", "50.0 %", "–"],  # noqa: RUF001
    ]


def test_an_evaluation_without_numbers_shows_dashes(contents):
    nan = dict.fromkeys(METRICS["seen"], math.nan) | {"num_classes": 0.0, "num_images": 3.0}
    empty = dataclasses.replace(contents, evaluation=Evaluation({"seen": nan}, {}, (), False))
    page = Page(section_of("evaluation", evaluation_section(empty)))
    assert page.tables[0][1][2:5] == ["3", "–", "–|–"]  # noqa: RUF001
    assert "No image of the evaluation splits has a class label." in page.text
    assert page.tables[1][1][1] == "✗ missed"


def test_each_chart_has_a_point_for_each_line_of_history(contents):
    curves = [found for found in page_of(contents).named("polyline") if found["class"] == "curve"]
    assert [len(curve["points"].split()) for curve in curves] == [len(HISTORY)] * 7


def test_the_key_figures(contents):
    assert key_figures(contents) == [
        ("images kept", "5,602", "of 5,624 that were ingested"),
        ("training", "2 min 00 s", "60 steps, 460 pairs/s"),
        ("text → image R@10", "52.0 %", "seen, guessing 0.71 %"),
        ("zero-shot top-1", "45.1 %", "seen, largest class 14.2 %"),
        ("a picture, served", "4.1 ms", "p99 7.5 ms, a text 1.9 ms"),
    ]


# The verdict and what is missing


def test_the_verdict_of_each_end(contents, tmp_path):
    run_dir = tmp_path / "runs" / "r1"
    refused = dataclasses.replace(contents.evaluation, blessed=False, refusals=("seen/x is 0.1, below 0.3.",))
    failure = {"event": "component_failed", "component": "Trainer", "time": 50.0, "error": "the loss is nan"}
    failed = record_of(run_dir, [*events_of({}, upto="Trainer"), failure])
    unfinished = record_of(run_dir, events_of({}, upto="Evaluator"))
    ends = {
        "blessed and pushed": contents,
        "blessed": dataclasses.replace(contents, pushed=False),
        "refused": dataclasses.replace(contents, evaluation=refused, pushed=False),
        "failed": dataclasses.replace(contents, record=failed),
        "unfinished": dataclasses.replace(contents, record=unfinished),
        "finished": dataclasses.replace(contents, evaluation=Missing("Not reached: Evaluator did not run.")),
    }
    for word, end in ends.items():
        found, _, reasons = verdict(end)
        page = page_of(end)
        assert found == word
        assert word in page.text
        assert all(reason in page.text for reason in reasons)
    assert verdict(ends["refused"])[2] == ("seen/x is 0.1, below 0.3.",)
    assert verdict(ends["failed"])[2] == ("Trainer failed: the loss is nan",)


def test_a_model_that_cannot_be_served_is_refused_whatever_it_scores(contents):
    unfit = dataclasses.replace(contents, serving={"blessed": False, "reasons": ["it is late"]}, pushed=False)
    assert verdict(unfit) == ("refused", "bad", ("Served, it is late.",))
    assert "a picture, served" not in page_of(unfit).text


@pytest.mark.parametrize("reached", range(len(events_of({})) + 1))
def test_a_run_that_broke_off_anywhere_has_a_page(tmp_path, reached):
    run_dir = tmp_path / "tiny" / "runs" / "r1"
    run_dir.mkdir(parents=True)
    written = "".join(json.dumps(event) + "\n" for event in events_of({})[:reached])
    (run_dir / "events.jsonl").write_text(written)
    page = Page(rebuild(run_dir).read_text(encoding="utf-8"))
    assert page.text.count("Not reached") >= 6
    assert [path.name for path in run_dir.iterdir() if path.name.startswith(".report")] == []


def test_outputs_that_were_deleted_or_damaged_are_said_to_be_unreadable(tmp_path):
    run_dir = tmp_path / "tiny" / "runs" / "r1"
    run_dir.mkdir(parents=True)
    (run_dir / "config.yaml").write_text("evaluation: [nonsense\n")
    (tmp_path / "filter_report.json").write_text("{")
    gone = str(tmp_path / "gone")
    outputs = {
        "PairExampleGen": {"report": gone},
        "PairFilter": {"report": str(tmp_path), "examples": gone},
        "Vocabulary": {"vocabulary": gone},
        "Trainer": {"model": gone, "model_run": gone},
        "Evaluator": {"evaluation": gone, "blessing": gone},
        "ServingValidator": {"blessing": gone},
    }
    keep_findings(record_of(run_dir, events_of(outputs)), EvaluationConfig())
    contents = gather(record_of(run_dir, events_of(outputs)))
    pieces = (contents.ingest, contents.filter, contents.vocabulary, contents.evaluation, contents.answers)
    for piece in (*pieces, contents.serving):
        assert isinstance(piece, Missing)
        assert "could not be read: " in piece.why
    assert isinstance(contents.history, Missing)
    assert "could not be read" in page_of(contents).text


def test_a_history_is_shown_as_far_as_a_failed_training_came(tmp_path):
    run_dir = tmp_path / "tiny" / "runs" / "r1"
    folder = run_dir.parent.parent / "artifacts" / "Trainer" / "model_run" / "4"
    folder.mkdir(parents=True)
    lines = [{name: getattr(line, name) for name in FIELDS} for line in HISTORY[:3]]
    (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    failure = {"event": "component_failed", "component": "Trainer", "time": 50.0, "error": "the loss is nan"}
    contents = gather(record_of(run_dir, [*events_of({}, upto="Trainer"), failure]))
    assert contents.history == HISTORY[:3]


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"has no events\.jsonl; name a folder under"):
        rebuild(tmp_path)


# The page as a file


def test_the_page_loads_nothing(contents):
    page = page_of(contents)
    for _, attributes in page.elements:
        for name, value in attributes.items():
            if name in ("src", "srcset", "poster", "data", "action", "xlink:href"):
                assert re.match(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+$", value)
            assert not name.startswith("on")
            if name == "href":
                assert "://" not in value
                assert not value.startswith(("/", "data:", "javascript:"))
    assert {name for name, _ in page.elements} & {"script", "link", "iframe", "object", "embed", "base"} == set()
    style = render(contents, contents.record.run_dir).partition("<style>")[2].partition("</style>")[0]
    assert style
    assert "url(" not in style
    assert "@import" not in style
    policies = [found["content"] for found in page.named("meta") if found.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_links_lead_from_the_page_to_the_artifacts(tmp_path):
    run_dir = tmp_path / "tiny" / "runs" / "r1"
    folder = run_dir.parent.parent / "artifacts" / "Pusher" / "pushed model" / "4"
    folder.mkdir(parents=True)
    run_dir.mkdir(parents=True)
    outputs = {"Pusher": {"pushed_model": str(folder)}, "Vocabulary": {"vocabulary": "gs://bucket/v/3"}}
    page = page_of(gather(record_of(run_dir, events_of(outputs))))
    hrefs = [found["href"] for found in page.named("a")]
    assert hrefs == ["../../artifacts/Pusher/pushed%20model/4/", "log.txt"]
    assert (run_dir / hrefs[0].replace("%20", " ")).resolve() == folder.resolve()
    assert "gs://bucket/v/3" in page.text


def test_splits_stand_in_the_order_of_the_config():
    assert in_order(["b", "c", "a"], ["a", "b"]) == ["a", "b", "c"]


def test_no_cosine_is_a_negative_zero(contents):
    answers = tuple(Answer(score, False, "x") for score in (0.004, -0.004, -0.006))
    found = SplitAnswers("seen", 3, 3, (Question("q", answers, 1),), (), ())
    page = page_of(dataclasses.replace(contents, answers=(found,)))
    assert re.findall(r"-?0\.0\d", page.text.partition("Example queries")[2].partition("Training")[0]) == [
        "0.00",
        "0.00",
        "-0.01",
    ]


def test_commands_name_the_config_that_was_used(contents):
    own = f" --config {contents.record.run_dir}/config.yaml"
    assert config_flag(contents) == own
    assert config_flag(dataclasses.replace(contents, config={"no_such_section": {}})) == own
    assert config_flag(dataclasses.replace(contents, config=load("b7-base").to_mapping())) == " --config b7-base"
    assert config_flag(dataclasses.replace(contents, config=load("demo").to_mapping())) == ""


def test_the_card_of_the_pushed_model_is_shown_as_it_is_written(contents):
    page = Page(render(dataclasses.replace(contents, card="# pets\n\n| a | <b> |"), Path("runs")))
    assert "# pets\n\n| a | <b> |" in page.text
    missing = Page(render(dataclasses.replace(contents, card=Missing("There is none.")), Path("runs")))
    assert "There is none." in missing.text
