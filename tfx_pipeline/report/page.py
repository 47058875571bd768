"""Puts the report's page together: one file that loads nothing and runs no script."""

from __future__ import annotations

from pathlib import Path

from tfx_pipeline.report.contents import Contents
from tfx_pipeline.report.data_section import data_section, vocabulary_section
from tfx_pipeline.report.evaluation_section import evaluation_section
from tfx_pipeline.report.examples_section import examples_section
from tfx_pipeline.report.markup import Markup, tag
from tfx_pipeline.report.run_section import components_section, config_section, headline, next_section
from tfx_pipeline.report.training_section import training_section

STYLE = Path(__file__).with_name("style.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # the browser itself refuses to load anything


def render(contents: Contents, page_folder: Path) -> str:
    """Returns the page as HTML.

    Args:
      contents: what to tell.
      page_folder: where the page will be, from which links to artifacts start.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", f"{contents.record.name}, run {contents.record.run_dir.name}"),
        tag("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )
    main = tag(
        "main",
        headline(contents),
        evaluation_section(contents),
        examples_section(contents),
        training_section(contents),
        data_section(contents),
        vocabulary_section(contents),
        components_section(contents, page_folder),
        next_section(contents),
        config_section(contents),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', main), lang='en')}\n"
