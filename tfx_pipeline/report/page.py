"""Puts the report's page together."""

from __future__ import annotations

from pathlib import Path

from tfx_pipeline.report.contents import Contents
from tfx_pipeline.report.data_section import data_section, vocabulary_section
from tfx_pipeline.report.document import document
from tfx_pipeline.report.evaluation_section import evaluation_section
from tfx_pipeline.report.examples_section import examples_section
from tfx_pipeline.report.run_section import components_section, config_section, headline, next_section
from tfx_pipeline.report.training_section import training_section


def render(contents: Contents, page_folder: Path) -> str:
    """Returns the page as HTML.

    Args:
      contents: what to tell.
      page_folder: where the page will be, from which links to artifacts start.
    """
    return document(
        f"{contents.record.name}, run {contents.record.run_dir.name}",
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
