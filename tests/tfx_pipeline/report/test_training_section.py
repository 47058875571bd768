"""The report on training: a chart a measure, what guessing gets under each loss, and when which warning held."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest

from report_samples import HISTORY, Page, section_of
from tfx_pipeline.report.run_section import key_figures
from tfx_pipeline.report.training_section import CURVES, training_section, warnings_that_held

TOP, BOTTOM = 10.0, 154.0  # of a chart's plot, in its own pixels


def shown(contents, history, **training) -> str:
    config = {**contents.config, "training": {**contents.config["training"], **training}}
    return section_of("training", training_section(dataclasses.replace(contents, history=history, config=config)))


def charts_of(section: str) -> dict[str, str]:
    """Returns title -> figure."""
    figures = re.findall(r"<figure>.*?</figure>", section, flags=re.S)
    return {re.search(r"<figcaption>(.*?)<b>", figure).group(1): figure for figure in figures}


def reference_of(figure: str) -> tuple[float, str] | None:
    """Returns the level at which a chart that starts from 0 has its reference, read off its ticks, and its name."""
    level = re.search(r'<line class="reference"[^>]* y1="([^"]+)"', figure)
    if level is None:
        return None
    top = float(re.search(r'y="13.5" text-anchor="end">([^<%]+)', figure).group(1))  # beside the plot's upper edge
    name = re.search(r'class="note"[^>]*>([^<]+)<', figure).group(1)
    return top * (BOTTOM - float(level.group(1))) / (BOTTOM - TOP), name


def test_each_measure_has_its_chart_with_its_last_value(contents):
    page = shown(contents, HISTORY)
    assert list(charts_of(page)) == [curve.title for curve in CURVES]
    assert re.findall(r"<b>([^<]+)</b>", page) == ["5.00", "60.0 %", "0.0400", "1.50", "0", "460", "1.6 %"]
    assert "60 of 60 steps in 2 min 00 s, 256 pairs each." in Page(page).text


@pytest.mark.parametrize(
    ("training", "loss", "recall", "name"),
    [
        ({}, 2 * math.log(256), 1 / 256, "guessing"),
        ({"negatives": 0.25}, 2 * math.log(65), 1 / 65, "guessing"),  # told from 64 of the 255 others
        ({"loss": "multi_positive"}, 2 * math.log(256), 1 / 256, "guessing, more where pairs repeat"),
        ({"loss": "sigmoid"}, math.log(256) + 255 * math.log(256 / 255), 1 / 256, "guessing"),
    ],
)
def test_what_guessing_gets_is_drawn_for_each_loss(contents, training, loss, recall, name):
    charts = charts_of(shown(contents, HISTORY, **training))
    assert reference_of(charts["Loss"]) == (pytest.approx(loss, abs=0.01), "guessing")
    assert reference_of(charts["In-batch R@1"]) == (pytest.approx(100 * recall, abs=0.05), name)


def test_a_warning_for_slow_input_and_a_clip_are_drawn_where_they_begin(contents):
    charts = charts_of(shown(contents, HISTORY))
    assert reference_of(charts["Wait for input, share of the time"]) == (pytest.approx(10, abs=0.05), "warned of above")
    gradients = "Gradient norm, before clipping"
    assert reference_of(charts[gradients]) is None
    clipped = charts_of(shown(contents, HISTORY, clip_norm=2.0))[gradients]
    tick = re.search(r'y="([^"]+)" text-anchor="end">2</text>', clipped).group(1)
    assert f'class="reference" x1="48" x2="330" y1="{float(tick) - 3.5:g}"' in clipped
    assert reference_of(clipped)[1] == "clipped above"


@pytest.mark.parametrize("config", [{}, {"training": {"batch": 256, "no_such_field": 1}}, {"training": "damaged"}])
def test_without_a_config_that_can_be_read_the_curves_stand_alone(contents, config):
    page = section_of("training", training_section(dataclasses.replace(contents, config=config)))
    assert [reference_of(figure) for figure in charts_of(page).values()] == [None] * len(CURVES)
    assert "60 of 60 steps in 2 min 00 s." in page


def test_what_is_not_known_is_a_gap_and_a_curve_of_nothing_is_left_out(contents):
    early = [
        dataclasses.replace(
            line, gradient_norm=math.nan, input_wait=math.nan, loss=line.loss if place != 3 else math.nan
        )
        for place, line in enumerate(HISTORY)
    ]
    charts = charts_of(shown(contents, early))
    assert list(charts) == ["Loss", "In-batch R@1", "Temperature", "Learning rate", "Pairs per second"]
    lengths = [len(points.split()) for points in re.findall(r'points="([^"]+)"', charts["Loss"])]
    assert lengths == [3, 3]


def with_warnings(*names_by_line: str) -> list:
    return [
        dataclasses.replace(line, warnings={name: f"{name} at <{line.step}>" for name in names})
        for line, names in zip(HISTORY, names_by_line, strict=True)
    ]


def test_warnings_stand_with_their_first_and_last_step_and_their_latest_words(contents):
    history = with_warnings("", "a", "ab", "ac", "b", "a", "b")  # at steps 1, 10, 20, ... 60
    assert warnings_that_held(history) == [
        ("Steps 10 to 50 (4 of 5 lines).", "a at <50>"),
        ("Steps 20 to 60, still at the end (3 of 5 lines).", "b at <60>"),
        ("Step 30.", "c at <30>"),
    ]
    page = shown(contents, history)
    assert re.findall(r"<li><b>(.*?)</b> (.*?)</li>", page)[0] == (
        "Steps 10 to 50 (4 of 5 lines).",
        "a at &lt;50&gt;",
    )
    assert "<ul" not in shown(contents, HISTORY)


def test_the_lead_and_the_key_figures_tell_of_skipped_steps_and_warnings(contents):
    history = with_warnings("", "", "", "", "a", "a", "ab")
    last = dataclasses.replace(history[-1], skipped_steps=2, loss=math.nan, pairs_per_s=math.nan)
    page = shown(contents, [*history[:-1], last])
    assert "2 steps changed nothing, for their gradients were not finite." in page
    assert "Loss<b>–</b>" in page  # noqa: RUF001
    figures = key_figures(dataclasses.replace(contents, history=[*history[:-1], last]))
    assert ("training", "2 min 00 s", "60 steps, 2 warnings at its end") in figures
