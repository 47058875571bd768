"""How judging tells what is left, on a terminal and elsewhere."""

import io
import re

import pytest
from rich.console import Console

from tfx_pipeline.judging import view as told


@pytest.fixture
def said(monkeypatch):
    """Returns a function: is it a terminal -> what is written while 12 inputs are embedded in three steps."""
    monkeypatch.setattr(told, "PLAIN_S", 0.0)

    def run(terminal: bool) -> str:
        text = io.StringIO()
        with told.view(Console(file=text, force_terminal=terminal, width=100), inputs=12) as shown:
            shown.now("colours, images")
            for inputs in (3, 6, 3):
                shown.done(inputs)
        return text.getvalue()

    return run


def test_a_line_says_how_many_inputs_are_done_and_the_time_left(said):
    lines = said(terminal=False).splitlines()
    assert [re.sub(r"^\d\d:\d\d:\d\d  ", "", line).rpartition(", ")[0] for line in lines] == [
        f"colours, images: {done} of 12 inputs" for done in (3, 9, 12)
    ]
    assert all(line.endswith(" left") for line in lines)
    assert lines[-1].endswith(", 0.0 s left")


def test_a_terminal_has_a_bar_with_the_inputs_and_the_time_left(said):
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said(terminal=True))
    assert "colours, images" in shown
    assert "12/12" in shown
    assert "left" in shown
