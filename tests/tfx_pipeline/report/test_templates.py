"""The templates of the pages: any text comes through as text, what is not given is an error, all are installed."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from report_samples import Page, page_of, png, tally
from tfx_pipeline.report.contents import Contents, Missing
from tfx_pipeline.report.example_answers import Answer, Question, SplitAnswers, make_thumbnail
from tfx_pipeline.report.templating import TEMPLATES, environment, fill
from tfx_pipeline.runs.run_record import RunRecord


@settings(deadline=None)
@given(text=st.text())
def test_any_text_comes_through_as_text(text):
    page = Page(environment().from_string('<p title="{{ text }}">{{ text }}</p>').render(text=text))
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


def test_markup_is_escaped_once():
    made = "{% macro bold(text) %}<b>{{ text }}</b>{% endmacro %}<p>{{ bold(text) }}{{ text }}</p>"
    assert environment().from_string(made).render(text="<&") == "<p><b>&lt;&amp;</b>&lt;&amp;</p>"


def test_what_is_not_given_is_an_error():
    with pytest.raises(UndefinedError, match="'vocabulary' is undefined"):
        fill("vocabulary.html.j2")
    with pytest.raises(UndefinedError, match="no attribute 'why'"):
        environment().from_string("{{ piece.why }}").render(piece={})


@pytest.mark.parametrize("path", sorted(TEMPLATES.iterdir()), ids=lambda path: path.name)
def test_a_template_says_what_it_is_for_escapes_all_and_is_installed(path):
    source = path.read_text(encoding="utf-8")
    assert re.match(r"\{# \S.*\. #\}\n|/\* \S.*\. \*/\n", source)
    assert not re.search(r"\|\s*safe|autoescape|xmlattr|tojson", source)
    project = Path(__file__).parents[3] / "pyproject.toml"
    assert f'"report/templates/*{"".join(path.suffixes)}"' in project.read_text(encoding="utf-8")
