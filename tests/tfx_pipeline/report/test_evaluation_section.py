"""The report on evaluation beyond one model's tables: slices, those that are empty, and the models so far."""

from __future__ import annotations

import dataclasses
import math

from report_samples import Page, section_of
from tfx_pipeline.report.contents import Missing
from tfx_pipeline.report.evaluation_section import evaluation_section

GERMAN = {
    "num_images": 400.0,
    "num_captions": 500.0,
    "i2t_recall_at_1": 0.25,
    "i2t_recall_at_10": 0.5,
    "t2i_recall_at_1": 0.125,
    "t2i_recall_at_10": 0.375,
}


def page_of(contents) -> Page:
    return Page(section_of("evaluation", evaluation_section(contents)))


def row(run: str, share: float | str) -> dict[str, str]:
    return {"run": run, "finished": f"2026-03-{run[1:]:0>2}T10:00:00Z", "seen/t2i_recall_at_10": str(share)}


def test_slices_stand_in_tables_of_their_own_the_largest_first(contents):
    small = {**GERMAN, "num_captions": 20.0, "t2i_recall_at_1": math.nan}
    slices = {"seen": {"language": {"zh": small, "de": GERMAN}}}
    page = page_of(dataclasses.replace(contents, evaluation=dataclasses.replace(contents.evaluation, slices=slices)))
    (table,) = [table for table in page.tables if table[0][0] == "language"]
    assert table[1:] == [
        ["de", "400", "500", "25.0 %", "50.0 %", "12.5 %", "37.5 %", "–"],  # noqa: RUF001
        ["zh", "400", "20", "25.0 %", "50.0 %", "–", "37.5 %", "–"],  # noqa: RUF001
    ]
    assert "seen, by language" in page.text


def test_a_slice_that_is_asked_for_and_empty_is_a_sentence(contents):
    config = {**contents.config, "evaluation": {**contents.config["evaluation"], "slices": ["language", "class"]}}
    slices = {"seen": {"language": {"de": GERMAN}}}
    evaluation = dataclasses.replace(contents.evaluation, slices=slices)
    page = page_of(dataclasses.replace(contents, config=config, evaluation=evaluation))
    assert "seen has no slice by class: no image has a class label; ingest.label_field names the field" in page.text
    assert "no slice by language" not in page.text


def test_models_are_drawn_from_the_second_on(contents):
    assert "Nothing was judged before this" in page_of(contents).text
    alone = dataclasses.replace(contents, models=[row("r1", 0.3)])
    assert page_of(alone).named("svg") == []
    page = page_of(
        dataclasses.replace(contents, models=[row("r1", 0.3), row("r2", ""), row("r3", 0.4), row("r4", 0.5)])
    )
    (chart,) = page.named("svg")
    assert chart["aria-label"] == "seen, text → image R@10 of 4 evaluations, 50.0 % at the end"
    assert len(page.named("polyline")[0]["points"].split()) == 2  # the line breaks where a run did not have it
    assert "2026-03-01" in page.text
    assert "2026-03-04" in page.text
    assert "at least" in page.text  # the config's threshold on it
    assert "4 evaluations; all their numbers" in page.text


def test_a_table_that_cannot_be_read_is_a_sentence(contents):
    assert "is no table" in page_of(dataclasses.replace(contents, models=Missing("history.csv is no table."))).text
