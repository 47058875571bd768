"""Puts the report's page together: what each section tells, for the template that shows it."""

from __future__ import annotations

from pathlib import Path

from tfx_pipeline.report.contents import Contents
from tfx_pipeline.report.data_section import data_section
from tfx_pipeline.report.evaluation_section import evaluation_section
from tfx_pipeline.report.examples_section import examples_section
from tfx_pipeline.report.run_section import components_section, config_section, headline, next_commands
from tfx_pipeline.report.templating import fill
from tfx_pipeline.report.training_section import training_section


def render(contents: Contents, page_folder: Path) -> str:
    """Returns the page as HTML.

    Args:
      contents: what to tell.
      page_folder: where the page will be, from which links to artifacts start.
    """
    return fill(
        "run.html.j2",
        title=f"{contents.record.name}, run {contents.record.run_dir.name}",
        page_folder=page_folder,
        headline=headline(contents),
        evaluation=evaluation_section(contents),
        examples=examples_section(contents),
        training=training_section(contents),
        data=data_section(contents),
        vocabulary=contents.vocabulary,
        card=contents.card,
        components=components_section(contents),
        commands=next_commands(contents),
        config=config_section(contents),
    )
