"""The report: its figures are the inputs', it loads nothing, no text breaks its markup, no missing piece breaks it."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import math
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tfx_pipeline.config import Config, ConfigError
from tfx_pipeline.report.charts import line_chart, nice_range
from tfx_pipeline.report.contents import Contents, Evaluation, Missing, gather, in_order
from tfx_pipeline.report.data_section import data_section, vocabulary_section
from tfx_pipeline.report.evaluation_section import evaluation_section
from tfx_pipeline.report.example_answers import (
    IMAGE_ANSWERS,
    THUMBNAIL_PX,
    Answer,
    Question,
    SplitAnswers,
    evenly,
    find_answers,
    make_thumbnail,
)
from tfx_pipeline.report.markup import Markup, join, tag
from tfx_pipeline.report.page import render
from tfx_pipeline.report.rebuild import rebuild
from tfx_pipeline.report.run_section import config_flag, key_figures, verdict
from tfx_pipeline.run_record import RunRecord, read_record, record_of
from tfx_pipeline.training_history import FIELDS, HistoryLine
from tfx_pipeline.wording import NOTHING

IDS = ["PairExampleGen", "PairFilter", "Vocabulary", "Trainer", "Evaluator", "Pusher"]
VOID = {"meta", "img", "br", "line", "polyline"}


class Page(HTMLParser):
    """A parsed page, whose elements must close in order.

    Attributes:
      elements: (name, attributes) of each element.
      tables: of each table, its rows of cells' texts; a quiet second line in a cell follows a "|".
      text: all text outside of the style sheet.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name == "table":
            self.tables.append([])
        elif name == "tr":
            self.tables[-1].append([])
        elif name in ("td", "th"):
            self.tables[-1][-1].append("")
        elif name == "small" and "td" in self._open:
            self.tables[-1][-1][-1] += "|"
        if name not in VOID:
            self._open.append(name)

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self._open.pop() == name

    def handle_data(self, data):
        if self._open and self._open[-1] == "style":
            return
        self.text += data
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == name]


def tally(read: int, **dropped: int) -> dict:
    return {"read": read, "kept": read - sum(dropped.values()), "dropped": dropped}


INGEST = {
    "splits": {
        "train": {"images": tally(4230, no_image=9, image_too_large=3), "captions": tally(8448, not_utf8=7)},
        "seen": {"images": tally(1406), "captions": tally(2812, not_utf8=1)},
    },
    "samples": {"no_image": [{"record": "0.tar#k1", "detail": "members: <json>"}], "not_utf8": []},
}
FILTER = {
    "rules": [
        {"name": "shorter_side", "drops": "image", "threshold": 32, "source": "ALIGN section 3"},
        {"name": "aspect_ratio", "drops": "image", "threshold": 2.5, "source": "ALIGN section 3"},
        {"name": "evaluation_image", "drops": "image", "threshold": True, "source": "appendix A"},
        {"name": "too_few_words", "drops": "caption", "threshold": 3, "source": "ALIGN section 3"},
    ],
    "splits": {
        "train": {
            "filtered": True,
            "images": tally(4218, shorter_side=18, evaluation_image=4),
            "captions": tally(8441, shorter_side=36, evaluation_image=8, too_few_words=1397),
        },
        "seen": {"filtered": False, "images": tally(1406), "captions": tally(2811)},
    },
    "samples": {"too_few_words": [{"record": "0.tar#k2", "detail": "'cat' has 1 words"}]},
}
VOCABULARY = {
    "pieces": 4000,
    "words": 24311,
    "distinct_words": 5311,
    "captions": 7000,
    "unknown_word_rate": 0.0125,
    "pieces_per_word": 1.384,
}
METRICS = {
    "seen": {
        **{f"i2t_recall_at_{k}": 0.1 * k / 2 for k in (1, 5, 10)},
        **{f"t2i_recall_at_{k}": 0.12 + k / 25 for k in (1, 5, 10)},
        **{f"chance_{way}_recall_at_{k}": k / 1406 for way in ("i2t", "t2i") for k in (1, 5, 10)},
        "zero_shot_top_1": 0.451,
        "zero_shot_top_5": 0.793,
        "num_images": 1406.0,
        "num_captions": 2811.0,
        "num_classes": 16.0,
        "majority_class_share": 0.142,
        "chance_zero_shot": 1 / 16,
    }
}
HISTORY = [
    HistoryLine(
        step=step,
        steps=60,
        loss=11 - step / 10,
        temperature=0.07 - step / 2000,
        learning_rate=1e-3 * (1 - step / 60),
        in_batch_recall_at_1=step / 100,
        pairs_per_s=400.0 + step,
        seconds=2.0 * step,
        seconds_left=2.0 * (60 - step),
    )
    for step in (1, 10, 20, 30, 40, 50, 60)
]


def events_of(outputs: dict[str, dict[str, str]], upto: str | None = None) -> list[dict]:
    events: list[dict] = [{"event": "pipeline_started", "time": 1.0, "name": "tiny", "components": IDS}]
    for number, component in enumerate(IDS):
        events.append({"event": "component_started", "component": component, "time": 10.0 * number})
        if component == upto:
            return events
        done = {"event": "component_finished", "component": component, "time": 10.0 * number + 5, "state": "complete"}
        events.append({**done, "outputs": outputs.get(component, {})})
    return [*events, {"event": "pipeline_finished", "time": 99.0}]


@pytest.fixture
def record(tmp_path) -> RunRecord:
    return record_of(tmp_path / "tiny" / "runs" / "r1", events_of({}))


@pytest.fixture
def contents(record) -> Contents:
    thumbnail = make_thumbnail(png("red"))
    answers = (Answer(0.91, True, "red & round", thumbnail), Answer(0.5, False, "blue", None))
    asked = Question("a red ball", answers, rank=1)
    image = Question("red & round", (Answer(0.7, False, "blue"), Answer(0.6, True, "red & round")), 2, thumbnail)
    config = Config().to_mapping()
    config["evaluation"]["min_metrics"] = {"seen/t2i_recall_at_10": 0.3, "seen/zero_shot_top_1": 0.5}
    config["training"]["batch"] = 256
    return Contents(
        record=record,
        config=config,
        config_text=yaml.safe_dump(config),
        ingest=INGEST,
        filter=FILTER,
        vocabulary=VOCABULARY,
        history=HISTORY,
        evaluation=Evaluation(METRICS, {"seen": {"t2i_recall_at_10": 0.25}}, (), blessed=True),
        pushed=True,
        answers=(SplitAnswers("seen", 1406, 2811, (asked,), (asked,), (image,)),),
    )


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (200, 100), colour).save(buffer, "PNG")
    return buffer.getvalue()


def page_of(contents: Contents) -> Page:
    return Page(render(contents, contents.record.run_dir))


# Figures


def test_read_kept_and_dropped_are_the_reports_own(contents):
    ingest, reasons, samples, filtered, rules, _ = Page(data_section(contents)).tables
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
    tables = Page(data_section(contents)).tables
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
    (facts,) = Page(vocabulary_section(contents)).tables
    assert [row[1] for row in facts[1:]] == ["4,000", "7,000", "24,311", "5,311", "1.38", "1.2 %"]


def test_retrieval_and_zero_shot_stand_beside_chance(contents):
    retrieval, zero_shot, decided = Page(evaluation_section(contents)).tables
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
    page = Page(evaluation_section(dataclasses.replace(contents, evaluation=Evaluation({"seen": nan}, {}, (), False))))
    assert page.tables[0][1][2:5] == ["3", "–", "–|–"]  # noqa: RUF001
    assert "No image of the evaluation splits has a class label." in page.text
    assert page.tables[1][1][1] == "✗ missed"


def test_each_chart_has_a_point_for_each_line_of_history(contents):
    curves = [found for found in page_of(contents).named("polyline") if found["class"] == "curve"]
    assert [len(curve["points"].split()) for curve in curves] == [len(HISTORY)] * 5


def test_the_key_figures(contents):
    assert key_figures(contents) == [
        ("images kept", "5,602", "of 5,624 that were ingested"),
        ("training", "2 min 00 s", "60 steps, 460 pairs/s"),
        ("text → image R@10", "52.0 %", "seen, guessing 0.71 %"),
        ("zero-shot top-1", "45.1 %", "seen, largest class 14.2 %"),
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
    }
    contents = gather(record_of(run_dir, events_of(outputs)))
    for piece in (contents.ingest, contents.filter, contents.vocabulary, contents.evaluation, contents.answers):
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


@settings(deadline=None)
@given(text=st.text())
def test_any_text_comes_through_as_text(text):
    page = Page(str(tag("p", text, title=text)))
    visible = "".join(character for character in text if character in "\n\t" or character >= " ")
    visible = visible.encode("utf-8", "replace").decode()
    assert [name for name, _ in page.elements] == ["p"]
    assert page.text == visible
    assert page.elements[0][1] == {"title": visible}


@settings(deadline=None)
@given(
    text=st.sampled_from(
        ["<script>alert(1)</script>", '"><img src=x onerror=y>', "' onload='z", "</style>", "&lt;b&gt;"]
    )
)
def test_captions_cannot_break_out(text):
    record = RunRecord(Path("root/runs/r"), text)
    question = Question(text, (Answer(0.5, True, text, make_thumbnail(png("red"))),), 1, make_thumbnail(png("red")))
    samples = {text: [{"record": text, "detail": text}]}
    ingest = {"splits": {text: {"images": tally(2, **{text: 1}), "captions": tally(3)}}, "samples": samples}
    nothing = Missing(text)
    answers = (SplitAnswers(text, 1, 1, (question,), (question,), (question,)),)
    contents = Contents(record, {}, text, ingest, nothing, nothing, nothing, nothing, False, answers)
    page = page_of(contents)
    harmless = {name for name, _ in page_of(dataclasses.replace(contents, config_text="plain")).elements}
    assert {name for name, _ in page.elements} <= harmless | {"pre", "details", "summary"}
    assert not {"script", "b"} & {name for name, _ in page.elements}
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert page.text.count(text) >= 8


def test_markup_is_escaped_once(contents):
    assert tag("p", tag("b", "<"), None, ["a", Markup("&amp;")], 3) == "<p><b>&lt;</b>a&amp;3</p>"
    assert tag("img", src="x", alt=None, class_="y", text_anchor="end") == '<img src="x" class="y" text-anchor="end">'
    assert join(None) == ""


# Charts


@settings(deadline=None)
@given(low=st.floats(-1e9, 1e9), width=st.floats(0, 1e9))
@example(low=0.0, width=5e-324)
@example(low=1e9, width=1e-6)
def test_an_axis_covers_its_values_in_a_few_round_steps(low, width):
    high = low + width
    least, most, step = nice_range(low, high)
    tolerance = 1e-6 * max(abs(low), abs(high), step)
    assert least <= low + tolerance
    assert most >= high - tolerance
    assert 1 <= round((most - least) / step) <= 7
    mantissa = step / 10 ** math.floor(math.log10(step) + 1e-9)
    assert any(math.isclose(mantissa, allowed, rel_tol=1e-6) for allowed in (1, 2, 2.5, 5, 10))


def test_a_curve_breaks_where_a_value_is_not_finite():
    ys = [math.nan, 1.0, 2.0, math.nan, math.inf, 3.0]
    page = Page(str(line_chart(range(1, 7), ys, label="x", write=str, from_zero=True)))
    assert [len(found["points"].split()) for found in page.named("polyline")] == [2, 1]
    Page(str(line_chart([1], [math.nan], label="x", write=str, from_zero=False)))


def test_points_lie_where_the_axes_say():
    page = Page(str(line_chart([0, 50, 100], [0.0, 5.0, 10.0], label="x", write=lambda y: f"{y:g}", from_zero=True)))
    assert page.named("polyline")[0]["points"] == "48,154 189,82 330,10"
    ticks = {found["y1"]: None for found in page.named("line")}
    assert list(ticks) == ["154", "118", "82", "46", "10"]
    assert page.text == "02.557.5100100"


# Example queries


@pytest.mark.parametrize(
    ("total", "wanted", "places"), [(10, 2, [2, 7]), (3, 8, [0, 1, 2]), (0, 4, []), (5, 5, list(range(5)))]
)
def test_questions_are_spread_evenly(total, wanted, places):
    assert evenly(total, wanted) == places


def test_thumbnails_are_small_jpegs_on_white():
    picture = io.BytesIO()
    Image.new("RGBA", (400, 100), (255, 0, 0, 0)).save(picture, "PNG")
    with Image.open(io.BytesIO(make_thumbnail(picture.getvalue()))) as small:
        assert (small.format, small.size) == ("JPEG", (THUMBNAIL_PX, THUMBNAIL_PX // 4))
        assert min(small.convert("L").getdata()) > 250
    assert make_thumbnail(b"no image") is None


@pytest.fixture(scope="module")
def examples(tmp_path_factory, coloured_png) -> Path:
    """Six coloured images, of which two share a class, in two files."""
    import tensorflow as tf

    from components import schema

    folder = tmp_path_factory.mktemp("examples") / "Split-seen"
    folder.mkdir()
    colours = [
        ((255, 0, 0), ["a red thing", "red"], "red"),
        ((0, 255, 0), ["green"], "green"),
        ((0, 0, 255), ["blue <i>"], "blue"),
        ((250, 5, 0), ["scarlet, nearly red"], "red"),
        ((0, 200, 200), [], ""),
        ((0, 250, 250), ["green and blue"], ""),
    ]
    for number in range(2):
        with tf.io.TFRecordWriter(str(folder / f"data_tfrecord-0000{number}-of-00002.gz"), "GZIP") as writer:
            for colour, captions, label in colours[3 * number : 3 * number + 3]:
                example = tf.train.Example()
                feature = example.features.feature
                feature[schema.IMAGE_ENCODED].bytes_list.value.append(coloured_png(*colour))
                feature[schema.CAPTION_TEXT].bytes_list.value.extend(caption.encode() for caption in captions)
                feature[schema.CLASS_LABEL].bytes_list.value.append(label.encode())
                writer.write(example.SerializeToString())
    return folder.parent


def test_questions_are_answered_by_the_model_and_right_answers_marked(colour_model, examples):
    from serving.embedder import SavedModelEmbedder

    (found,) = find_answers(SavedModelEmbedder(colour_model), examples, ["seen", "absent"])
    assert (found.split, found.images, found.captions) == ("seen", 5, 6)
    asked = {question.text: question for question in found.by_caption}
    assert set(asked) <= {"a red thing", "green", "blue <i>", "scarlet, nearly red", "green and blue"}
    green = asked["green"]
    assert [answer.right for answer in green.answers] == [True, False, False, False, False]
    assert green.rank == 1
    assert green.answers[0].score == pytest.approx(1.0, abs=0.02)
    assert green.answers[0].thumbnail is not None
    labels = {question.text: question for question in found.by_label}
    assert set(labels) <= {"blue", "green", "red"}
    if "red" in labels:
        assert [answer.right for answer in labels["red"].answers[:3]] == [True, True, False]
    for question in found.by_image:
        scores = [answer.score for answer in question.answers]
        assert scores == sorted(scores, reverse=True)
        assert question.thumbnail is not None
    assert find_answers(SavedModelEmbedder(colour_model), examples, ["seen"])[0].by_caption != ()


def test_scores_and_ranks_equal_a_search_by_hand(colour_model, examples, coloured_png):
    from serving.embedder import SavedModelEmbedder

    embedder = SavedModelEmbedder(colour_model)
    (found,) = find_answers(embedder, examples, ["seen"])
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (250, 5, 0), (0, 250, 250)]
    images = embedder.encode_image([coloured_png(*colour) for colour in colours])
    captions = [{"a red thing", "red"}, {"green"}, {"blue <i>"}, {"scarlet, nearly red"}, {"green and blue"}]
    for question in found.by_caption:
        scores = images @ embedder.encode_text([question.text])[0]
        order = sorted(range(5), key=lambda row: -scores[row])
        assert [answer.score for answer in question.answers] == pytest.approx([float(scores[row]) for row in order])
        assert len(question.answers) == min(IMAGE_ANSWERS, 5)
        right = next(row for row in range(5) if question.text in captions[row])
        assert np.sum(scores > scores[right] + 1e-6) + 1 <= question.rank <= np.sum(scores >= scores[right] - 1e-6)


def test_a_whole_run_is_rebuilt_from_its_folder(tmp_path, colour_model, examples):
    run_dir = tmp_path / "tiny" / "runs" / "r1"
    made = tmp_path / "made"
    shutil.copytree(colour_model, made / "model" / "Format-Serving")
    run_dir.mkdir(parents=True)
    for name, report in (("ingest", INGEST), ("filter", FILTER), ("vocabulary", VOCABULARY)):
        (made / f"{name}_report.json").write_text(json.dumps(report))
    (made / "history.jsonl").write_text("".join(json.dumps(vars(line)) + "\n" for line in HISTORY))
    (run_dir / "config.yaml").write_text("evaluation: {splits: [seen]}\ntraining: {batch: 256}\n")
    outputs = {
        "PairExampleGen": {"report": str(made)},
        "PairFilter": {"report": str(made), "examples": str(examples)},
        "Vocabulary": {"vocabulary": str(made)},
        "Trainer": {"model": str(made / "model"), "model_run": str(made)},
    }
    (run_dir / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events_of(outputs)))
    path = rebuild(run_dir)
    assert path == run_dir / "report.html"
    page = Page(path.read_text(encoding="utf-8"))
    contents = gather(read_record(run_dir))
    assert (contents.ingest, contents.filter, contents.vocabulary) == (INGEST, FILTER, VOCABULARY)
    assert contents.history == HISTORY
    pictures = page.named("img")
    assert pictures
    for picture in pictures:
        Image.open(io.BytesIO(base64.b64decode(picture["src"].partition(",")[2]))).verify()
    assert "blue <i>" in page.text


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
    from tfx_pipeline.config import load

    assert config_flag(dataclasses.replace(contents, config=load("b7-base").to_mapping())) == " --config b7-base"
    assert config_flag(dataclasses.replace(contents, config=load("demo").to_mapping())) == ""
