"""What a browser does with an answer: turns pages, opens a hit, asks for more like it, shows copies, downloads."""

from __future__ import annotations

import io
import json

import pyarrow.parquet as pq
import pytest

from search_browser import COPIED, COPY, PICTURES

pytestmark = pytest.mark.page


def test_pages_are_turned_and_back_goes_back(opened):
    opened.open("/?plus=red")
    first = opened.ids()
    opened.page.click(".pages >> text=Next")
    opened.settle()
    second = opened.ids()
    assert opened.tally().startswith("25 to 48 of 60 pictures")
    opened.page.click(".pages >> text=Next")
    opened.settle()
    third = opened.ids()
    assert len({*first, *second, *third}) == len([*first, *second, *third]) == PICTURES - 1
    assert opened.page.locator(".pages >> text=Next").is_disabled()
    opened.page.go_back()
    opened.settle()
    assert opened.ids() == second
    opened.page.reload()
    opened.settle()
    assert opened.ids() == second
    opened.page.click(".pages >> text=Previous")
    opened.settle()
    assert opened.ids() == first
    opened.page.go_back()
    opened.page.go_back()
    opened.settle()
    assert opened.query() == "?plus=red"
    assert opened.ids() == first


def test_back_closes_a_hit_and_a_link_opens_it(opened):
    opened.open("/?plus=red")
    opened.page.locator("button.tile").nth(2).click()
    assert opened.page.locator("dialog[open]").count() == 1
    link = opened.page.url
    opened.page.go_back()
    assert opened.page.locator("dialog[open]").count() == 0
    opened.page.goto("about:blank")
    opened.page.goto(link)
    opened.page.wait_for_selector("dialog[open]")
    assert opened.page.inner_text(".hit .rank") == "No. 3"


def test_more_like_a_hit_asks_by_its_id_and_take_away_adds_a_minus(opened):
    opened.open("/?plus=blue")
    name = opened.ids()[1]
    opened.page.locator("button.tile").nth(1).click()
    opened.page.click("text=Take it away")
    opened.settle()
    assert opened.query() == f"?plus=blue&unlike={name.replace(' ', '+')}"
    opened.page.locator("button.tile").nth(0).click()
    opened.page.click("text=More like this")
    opened.settle()
    assert opened.query().startswith("?like=picture+")
    assert opened.page.locator("dialog[open]").count() == 0


def test_duplicates_are_one_until_all_are_asked_for(opened):
    opened.open("/?plus=blue&k=96")
    both = {f"picture {COPIED}", f"picture {COPY}"}
    (shown,) = both & set(opened.ids())
    tile = opened.page.locator(f"button.tile[data-id='{shown}']")
    assert "and 1 duplicate" in tile.inner_text()
    tile.click()
    assert opened.page.inner_text(".duplicates h3") == "1 duplicate"
    opened.page.keyboard.press("Escape")
    opened.page.click("summary:has-text('View')")
    opened.page.uncheck("label:has-text('Show duplicates as one') input")
    opened.settle()
    assert opened.query() == "?plus=blue&k=96&group=no"
    assert both <= set(opened.ids())


def test_hits_are_downloaded_as_json_and_parquet(opened):
    opened.open("/?plus=red&minus=blue")
    shown = opened.ids()
    opened.page.click("summary:has-text('Download')")
    with opened.page.expect_download() as json_file:
        opened.page.click("text=JSON, with")
    told = json.loads(json_file.value.path().read_text(encoding="utf-8"))
    assert [hit["id"] for hit in told["answers"][0]["hits"]] == shown
    with opened.page.expect_download() as parquet_file:
        opened.page.click("text=Parquet, one")
    table = pq.read_table(io.BytesIO(parquet_file.value.path().read_bytes()))
    assert table.column("id").to_pylist() == shown
