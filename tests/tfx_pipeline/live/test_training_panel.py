"""What is shown of a training while it goes on: measures, what is not known of them, and warnings in words."""

from __future__ import annotations

import io
import json
import math

import pytest
from rich.console import Console

from tfx_pipeline.live.live_view import PlainView
from tfx_pipeline.live.training_panel import training_panel, training_phrase
from tfx_pipeline.runs.run_record import record_of
from tfx_pipeline.runs.training_history import HistoryLine, read_last_line

LINE = HistoryLine(
    step=40,
    steps=1000,
    loss=3.2144,
    temperature=0.07,
    learning_rate=1e-3,
    in_batch_recall_at_1=0.41,
    pairs_per_s=412.4,
    seconds=20.0,
    seconds_left=83.0,
    gradient_norm=2.134,
    input_wait=0.021,
)
WARNINGS = {"loss_at_chance": "The loss is stuck, as words go on" * 20, "input_wait": "Training waits [/]."}


def with_changes(**changes) -> HistoryLine:
    return HistoryLine(**{**vars(LINE), **changes})


def test_the_phrase_has_every_measure():
    assert training_phrase(LINE) == (
        "step 40 of 1,000: loss 3.214, in-batch R@1 41.0 %, temperature 0.0700, gradient norm 2.13, "
        "learning rate 0.00100, pairs/s 412, input wait 2.1 %, 1 min 23 s left"
    )
    assert training_phrase(with_changes(step=1000)).endswith(", exporting the model")


def test_the_first_line_of_a_process_promises_neither_speed_nor_time():
    unknown = dict.fromkeys(("pairs_per_s", "input_wait", "seconds_left"), math.nan)
    expected = "pairs/s –, input wait –, time left not known yet"  # noqa: RUF001
    assert training_phrase(with_changes(step=1, **unknown)).endswith(expected)


def test_steps_that_were_skipped_and_values_that_are_not_finite():
    said = training_phrase(with_changes(loss=math.nan, gradient_norm=math.nan, skipped_steps=3))
    assert ": loss –, in-batch" in said  # noqa: RUF001
    assert ", gradient norm –, learning" in said  # noqa: RUF001
    assert ", skipped steps 3, " in said
    assert "skipped" not in training_phrase(LINE)


def test_a_line_of_an_earlier_version_is_shown_as_far_as_it_goes(tmp_path):
    later = ("gradient_norm", "skipped_steps", "input_wait", "warnings")
    old = {name: value for name, value in vars(LINE).items() if name not in later}
    (tmp_path / "history.jsonl").write_text(json.dumps(old) + "\n")
    said = training_phrase(read_last_line(tmp_path / "history.jsonl"))
    assert "temperature 0.0700, gradient norm –, " in said  # noqa: RUF001


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_panel_keeps_to_the_terminals_width(width):
    console = Console(file=io.StringIO(), width=width)
    console.print(training_panel(with_changes(skipped_steps=2, warnings=WARNINGS)))
    picture = console.file.getvalue()
    assert "…" not in picture
    assert max(map(len, picture.splitlines())) <= width
    words = " ".join(picture.split())
    for shown in ("step 40 of 1,000 1 min 23 s left", "loss 3.214", "in-batch R@1 41.0 %", "temperature 0.0700"):
        assert shown in words
    for shown in ("gradient norm 2.13", "learning rate 0.00100", "pairs/s 412", "input wait 2.1 %", "skipped steps 2"):
        assert shown in words
    for warning in WARNINGS.values():
        assert f"! {warning}" in words


def test_on_plain_lines_a_warning_is_told_when_it_begins_to_hold(tmp_path):
    console = Console(file=io.StringIO(), width=80)
    view = PlainView(console, "log in log.txt")
    for step, names in enumerate([[], ["loss_at_chance"], ["loss_at_chance", "input_wait"], []], start=40):
        line = with_changes(step=step, warnings={name: WARNINGS[name] for name in names})
        view.show(record_of(tmp_path / "runs" / "r1", []), [], line)
    said = [line.partition("  ")[2] for line in console.file.getvalue().splitlines()]
    assert said == [f"Trainer {training_phrase(LINE)}", *(f"Trainer warns: {words}" for words in WARNINGS.values())]
