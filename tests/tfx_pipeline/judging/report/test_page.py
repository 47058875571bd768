"""The page of a results folder: its tables hold what results.json says, and any text comes through."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from report_samples import Page
from tfx_pipeline.judging.report.page import write_report
from tfx_pipeline.judging.results import RESULTS_FILE
from tfx_pipeline.settings.config import ConfigError

EXAMPLE = Path(__file__).parent.parent / "example"


@pytest.fixture
def folder(tmp_path):
    """A results folder whose pictures are gone."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "judged"))


def page_of(folder: Path) -> Page:
    return Page(write_report(folder).read_text(encoding="utf-8"))


def changed(folder: Path, **fields: object) -> dict:
    """Write results.json anew with other fields and return it."""
    form = json.loads((folder / RESULTS_FILE).read_text(encoding="utf-8")) | fields
    (folder / RESULTS_FILE).write_text(json.dumps(form), encoding="utf-8")
    return form


def test_a_way_to_ask_has_a_line_and_what_is_of_none_stands_in_the_first(folder):
    retrieval = page_of(folder).tables[0]
    assert retrieval[0] == ["Set", "Query → answer", "queries", "R@1", "R@5", "R@10", "median rank", "mean recall"]
    assert retrieval[1][:4] == ["demo-seen (en)", "image → text", "400", "21.0 %|17.0 to 25.0|guessing 0.25 %"]
    assert retrieval[1][7] == "45.0 %"
    assert retrieval[2][:4] == ["demo-seen (en)", "text → image", "800", "25.0 %|22.0 to 28.0|guessing 0.25 %"]
    assert retrieval[2][6:] == ["5.00|4.00 to 6.00", ""]
    assert retrieval[4] == ["demo-seen (de)", "text → image", "400", "2.0 %|1.0 to 3.0|guessing 0.25 %", "", "", "", ""]


def test_a_number_that_the_paper_prints_stands_beside_it(folder):
    page = page_of(folder)
    beside = next(table for table in page.tables if table[0][:2] == ["Set", "Number"])
    assert beside == [
        ["Set", "Number", "this model", "95 %", "ALIGN", "CLIP"],
        ["cxc-sts", "STS", "62.0", "60.0 to 64.0", "72.9", "–"],  # noqa: RUF001 - the dash of a number that is none
    ]


def test_what_was_not_judged_is_told_with_its_reason(folder):
    unjudged = page_of(folder).tables[-1]
    assert ["demo-seen (en)", "2 times: the image cannot be read"] in unjudged
    assert ["demo-seen (en), seen-00998", "the image cannot be read: it is missing"] in unjudged
    assert any(row[0] == "mscoco" and "Karpathy" in row[1] for row in unjudged[1:])


def test_failures_show_their_pictures_and_say_which_are_gone(folder):
    assert not page_of(folder).named("img")
    (folder / "pictures").mkdir()
    Image.new("RGB", (4, 4), "red").save(folder / "pictures/0a1b2c3d.png", "JPEG")
    page = page_of(folder)
    assert {image["alt"] for image in page.named("img")} == {"seen-00031"}
    assert "no preview" in page.text
    assert "grinning <b>face</b>" in page.text


def test_a_run_that_was_broken_off_says_so(folder):
    assert "judged" in page_of(folder).text
    changed(folder, finished=False, rows=[])
    page = page_of(folder)
    assert "broken off" in page.text
    assert "Karpathy" in page.text


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "\x00\ud800 & </style>"])
def test_no_text_breaks_out(folder, text):
    plain = {name for name, _ in page_of(folder).elements}
    form = json.loads((folder / RESULTS_FILE).read_text(encoding="utf-8"))
    for row in form["rows"]:
        row["dataset"] = text
        row["notes"] = [text]
        for failure in row["failures"]:
            failure["asked"]["text"] = failure["got"]["text"] = text
    changed(folder, rows=form["rows"], model={"name": text, "spec": text, "fingerprint": text})
    assert {name for name, _ in page_of(folder).elements} <= plain


def test_a_folder_of_something_else_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"holds no results\.json"):
        write_report(tmp_path)
