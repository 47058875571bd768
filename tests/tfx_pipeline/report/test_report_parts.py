"""The report's parts: plain values, axes and curves, thumbnails, ranks as a search by hand has them."""

from __future__ import annotations

import base64
import dataclasses
import io
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from report_samples import Page, drawn, png, section_of
from tfx_pipeline.report.axes import around, from_zero, logarithmic, nice_range
from tfx_pipeline.report.charts import Reference, line_chart
from tfx_pipeline.report.contents import Missing
from tfx_pipeline.report.data_section import data_section
from tfx_pipeline.report.evaluation_section import evaluation_section, unknown_classes
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
from tfx_pipeline.report.examples_section import examples_section


def test_what_a_section_tells_is_plain_values(contents):
    assert evaluation_section(contents)["thresholds"] == [
        {"metric": "seen/t2i_recall_at_10", "measured": 0.12 + 10 / 25, "least": 0.3, "before": 0.25},
        {
            "metric": "seen/zero_shot_top_1",
            "measured": 0.451,
            "least": 0.5,
            "before": pytest.approx(math.nan, nan_ok=True),
        },
    ]
    (found,) = examples_section(contents)
    assert [outcome for _, outcome in found["by_caption"]] == ["right image: first"]
    assert [outcome for _, outcome in found["by_label"]] == ["1 of 2 right"]
    assert [outcome for _, outcome in found["by_image"]] == ["best own caption: place 2 of 2,811"]


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


@settings(deadline=None)
@given(levels=st.lists(st.floats(1e-30, 1e30), min_size=1))
@example(levels=[1.0])
@example(levels=[0.001, 1000.0])
def test_a_logarithmic_axis_covers_its_values_in_a_few_round_steps(levels):
    axis = logarithmic(levels)
    assert axis.ticks[0] <= min(levels) <= max(levels) <= axis.ticks[-1]
    assert 2 <= len(axis.ticks) <= 7
    assert [axis.place(axis.ticks[0]), axis.place(axis.ticks[-1])] == pytest.approx([0, 1], abs=1e-9)
    assert {f"{tick:.6e}"[:8] for tick in axis.ticks} <= {f"{factor}.000000" for factor in (1, 2, 5)}
    for level in levels:
        share = math.log(level / axis.ticks[0]) / math.log(axis.ticks[-1] / axis.ticks[0])
        assert axis.place(level) == pytest.approx(share, abs=1e-6)


def test_what_a_logarithmic_axis_holds_at_its_foot():
    axis = logarithmic([0.0, -3.0, 3.0, 40.0])
    assert list(axis.ticks) == [2, 5, 10, 20, 50]
    assert [axis.place(value) for value in (0.0, -3.0, 2.0, 10.0)] == pytest.approx([0, 0, 0, 0.5])
    assert list(logarithmic([0.0]).ticks) == [0.5, 1, 2]
    assert list(logarithmic([5e-6, 500.0]).ticks) == [1e-6, 1e-3, 1, 1000]


def test_a_curve_breaks_where_a_value_is_not_finite():
    ys = [math.nan, 1.0, 2.0, math.nan, math.inf, 3.0]
    page = drawn("line_chart", line_chart(range(1, 7), ys, label="x", write=str, axis=from_zero))
    assert [len(found["points"].split()) for found in page.named("polyline")] == [2]
    (dot,) = page.named("circle")  # a line of one point would not be drawn
    assert (dot["cx"], dot["cy"]) == ("330", "10")
    drawn("line_chart", line_chart([1], [math.nan], label="x", write=str, axis=around))


def test_points_lie_where_the_axes_say():
    chart = line_chart([0, 50, 100], [0.0, 5.0, 10.0], label="x", write=lambda y: f"{y:g}", axis=from_zero)
    page = drawn("line_chart", chart)
    assert page.named("polyline")[0]["points"] == "48,154 189,82 330,10"
    ticks = {found["y1"]: None for found in page.named("line")}
    assert list(ticks) == ["154", "118", "82", "46", "10"]
    assert page.text.split() == ["0", "2.5", "5", "7.5", "10", "0", "100"]


def test_a_reference_at_the_top_keeps_its_name():
    reference = Reference(10.0, "guessing")
    page = drawn(
        "line_chart", line_chart([0, 1], [0.0, 1.0], label="x", write=str, axis=from_zero, reference=reference)
    )
    (line,) = [found for found in page.named("line") if found["class"] == "reference"]
    (name,) = [found for found in page.named("text") if found.get("class") == "note"]
    assert (line["y1"], name["y"]) == ("10", "8.5")


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
        assert small.convert("L").getextrema()[0] > 250
    assert make_thumbnail(b"no image") is None


def by_its_label(label: str) -> tuple[str, ...]:
    return (label,)


def test_questions_are_answered_by_the_model_and_right_answers_marked(colour_model, examples):
    from serving.encoders.saved_model import SavedModelEncoder

    (found,) = find_answers(SavedModelEncoder(colour_model), examples, ["seen", "absent"], by_its_label)
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
    assert all(question.asked_as == (label,) for label, question in labels.items())
    if "red" in labels:
        assert [answer.right for answer in labels["red"].answers[:3]] == [True, True, False]
    for question in found.by_image:
        scores = [answer.score for answer in question.answers]
        assert scores == sorted(scores, reverse=True)
        assert question.thumbnail is not None


def test_scores_and_ranks_equal_a_search_by_hand(colour_model, examples, coloured_png):
    from serving.encoders.saved_model import SavedModelEncoder

    encoder = SavedModelEncoder(colour_model)
    (found,) = find_answers(encoder, examples, ["seen"], by_its_label)
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (250, 5, 0), (0, 250, 250)]
    images = encoder.encode_image([coloured_png(*colour) for colour in colours])
    captions = [{"a red thing", "red"}, {"green"}, {"blue <i>"}, {"scarlet, nearly red"}, {"green and blue"}]
    for question in found.by_caption:
        scores = images @ encoder.encode_text([question.text])[0]
        order = sorted(range(5), key=lambda row: -scores[row])
        assert [answer.score for answer in question.answers] == pytest.approx([float(scores[row]) for row in order])
        assert len(question.answers) == min(IMAGE_ANSWERS, 5)
        right = next(row for row in range(5) if question.text in captions[row])
        assert np.sum(scores > scores[right] + 1e-6) + 1 <= question.rank <= np.sum(scores >= scores[right] - 1e-6)


def test_a_class_asks_by_the_mean_of_its_texts(colour_model, examples, coloured_png):
    from serving.encoders.saved_model import SavedModelEncoder

    texts = {"red": ("green", "blue", "green"), "green": ("red", "blue"), "blue": ("blue",)}
    encoder = SavedModelEncoder(colour_model)
    (found,) = find_answers(encoder, examples, ["seen"], texts.__getitem__)
    images = encoder.encode_image([coloured_png(0, 250, 250), coloured_png(0, 255, 0)])
    (red,) = (question for question in found.by_label if question.text == "red")
    assert red.asked_as == texts["red"]
    mean = sum(encoder.encode_text([text])[0] for text in texts["red"])
    scores = images @ (mean / np.linalg.norm(mean))
    assert [answer.text for answer in red.answers[:2]] == ["green and blue", "green"]
    assert [answer.score for answer in red.answers[:2]] == pytest.approx(scores.tolist(), abs=1e-6)
    assert red.rank == 4


@pytest.mark.parametrize(
    ("asked_as", "shown"),
    [
        ((), ""),
        (("sky",), ""),
        (("moon",), "asked as moon"),
        (("moon", "<star>"), "asked as moon, <star>"),
        (tuple("abcdefgh"), "asked as a, b, c, d, e, f, g, h"),
        (tuple("abcdefghij"), "asked as a, b, c, d, e, f, g, h and 2 more"),
    ],
)
def test_the_page_says_what_a_class_asked(contents, asked_as, shown):
    question = Question("sky", (Answer(0.5, True, "moon"),), 1, asked_as=asked_as)
    found = SplitAnswers("seen", 5, 6, (), (question,), ())
    page = Page(section_of("examples", examples_section(dataclasses.replace(contents, answers=(found,)))))
    assert f"sky1 of 1 right{shown}" in page.text
    assert ("asked as" in page.text) == bool(shown)


def test_samples_show_what_was_dropped_in_pictures(contents):
    shown = {
        "record": "0.tar#k",
        "detail": "1 x 9 px",
        "caption": "<i>",
        "thumbnail": base64.b64encode(png("red")).decode(),
    }
    blank = {"record": "0.tar#l", "detail": "2 x 8 px", "caption": "a cat"}
    off = {"name": "unsafe_image", "drops": "image", "threshold": "off", "source": "ALIGN section 3"}
    report = {**contents.filter, "rules": [off], "samples": {"shorter_side": [shown, blank]}}
    page = Page(section_of("data", data_section(dataclasses.replace(contents, filter=report))))
    (image,) = [attributes for name, attributes in page.elements if name == "img"]
    assert base64.b64decode(image["src"].partition(",")[2]) == png("red")
    assert image["alt"] == "<i>"
    assert page.tables[-2][1][:2] == ["unsafe_image|ALIGN section 3", "off"]
    assert page.tables[-1][1:] == [
        ["shorter_side", "0.tar#k", "1 x 9 px", "<i>", ""],
        ["shorter_side", "0.tar#l", "2 x 8 px", "a cat", "no preview"],
    ]


def test_names_of_the_config_that_the_data_do_not_have_are_said(contents):
    names = {"cat face": ["cat"], "Dogface": ["dog"]}
    named = dataclasses.replace(contents, config={**contents.config, "evaluation": {"class_names": names}})
    (sentence,) = unknown_classes(named)
    assert sentence == (
        "evaluation.class_names names 'Dogface', which is the label of no image; did you mean 'dog face'?"
    )
    assert sentence in Page(section_of("evaluation", evaluation_section(named))).text
    text = Page(section_of("data", data_section(contents))).text
    assert "ingest.url_field is 'ulr', which no record has; did you mean 'url'?" in text
    older = dataclasses.replace(named, ingest={"splits": {}, "samples": {}})  # of an earlier version
    assert unknown_classes(older) == unknown_classes(dataclasses.replace(named, ingest=Missing("gone"))) == []
