"""A saved answer in a browser, from the disk: seen as the page is, its policy broken by nothing, no request made."""

from __future__ import annotations

import base64

import httpx
import pytest

from search_browser import HOSTILE, Opened, drawn
from serving.search.saved_page import saved_page

pytestmark = pytest.mark.page


@pytest.fixture
def saved(address, tmp_path):
    """A file of what the server answered to a picture and words."""
    terms = [
        {"image": base64.b64encode(drawn(0)).decode(), "weight": 1},
        {"text": HOSTILE, "weight": 2, "sign": -1},
    ]
    answer = httpx.post(f"{address}/api/search", json={"terms": terms, "k": 12}).raise_for_status().json()
    gone = answer["hits"][3]["id"]
    named = [{**terms[0], "name": "wall.png"}, terms[1]]
    path = tmp_path / "query.html"
    path.write_text(
        saved_page(
            {"terms": named},
            answer,
            "12 of 60 images",
            lambda name, side: None if name == gone else drawn(int(name.split()[1])),
        ),
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_a_saved_answer_shows_all_of_itself(browser, saved, scheme, width):
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, offline=True)
    opened = Opened(context.new_page(), saved.as_uri())
    requests = []
    opened.page.on("request", lambda request: requests.append(request.url[:60]))
    opened.page.goto(saved.as_uri())
    assert opened.page.locator("button.tile").count() == 12
    assert opened.page.locator("button.tile").nth(3).locator(".gone").count() == 1
    assert opened.page.inner_text("#tally") == "12 of 60 images"
    assert opened.page.locator("#asked .term-text").all_inner_texts() == ["wall.png", HOSTILE]
    assert opened.page.evaluate("[...document.querySelectorAll('.frame img')].every(image => image.alt)")
    assert opened.violations() == []
    opened.page.locator("button.tile").nth(1).click()
    assert opened.page.locator(".why dd.against, .why dd.for").count() == 2
    assert opened.violations() == []
    opened.page.keyboard.press("ArrowRight")
    assert opened.page.inner_text(".hit .rank") == "No. 3"
    opened.page.keyboard.press("Escape")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.page.evaluate("document.querySelectorAll('script').length") == 3
    context.close()
    assert opened.wrong == []
    assert {url.partition(":")[0] for url in requests} <= {"file", "data"}
