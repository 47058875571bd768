"""The search page as it is seen and heard: still while pictures load, by the keyboard, for screen readers, in words."""

from __future__ import annotations

import time

import pytest

from search_browser import HOSTILE, PICTURES, drawn

pytestmark = pytest.mark.page
VIEWS = {
    "start": ("/", None),
    "results": ("/?plus=red&minus*0.5=blue&like=picture+3&is.language=en&is.language=ar", None),
    "hit": ("/?plus=red&minus*0.5=blue", "button.tile >> nth=2"),
    "filter": ("/?plus=red", "summary:has-text('Size, date, score')"),
    "two models": ("/?plus=red&versus=1", None),
    "nothing": ("/?plus=red&min.width=5000", None),
}


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_hinders_anybody_or_runs_out_of_the_window(opened, scheme, width):
    opened.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    opened.page.set_viewport_size({"width": width, "height": 800})
    for name, (path, click) in VIEWS.items():
        opened.open(path)
        if click:
            opened.page.click(click)
            opened.settle()
        assert opened.violations() == [], name
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_on_a_phone_a_long_text_and_the_choice_of_models_are_seen_whole(opened):
    opened.page.set_viewport_size({"width": 320, "height": 800})
    opened.open("/?plus=a+red+wall+behind+it&minus=green&versus=1")
    for seen in (".chip .term-text >> nth=0", ".choices", ".choice select >> nth=1"):
        cut = "e => e.scrollWidth > e.clientWidth || e.getBoundingClientRect().right > 320"
        assert not opened.page.locator(seen).evaluate(cut), seen


def test_the_choice_of_colours_holds_against_the_system_s(opened):
    opened.page.emulate_media(color_scheme="dark")
    opened.open()
    background = "getComputedStyle(document.body).backgroundColor"
    dark = opened.page.evaluate(background)
    opened.page.click("#tools button")
    light = opened.page.evaluate(background)
    assert light != dark
    opened.page.reload()
    opened.settle()
    assert opened.page.evaluate(background) == light
    assert opened.page.inner_text("#tools button") == "Colours: light"
    opened.page.click("#tools button")
    assert opened.page.evaluate(background) == dark


def test_the_grid_stays_still_while_pictures_load(opened):
    opened.open()
    held = []
    opened.page.route("**/api/images/**", lambda route: held.append(route))
    opened.page.fill("#words", "red")
    opened.page.press("#words", "Enter")
    opened.page.wait_for_selector("button.tile")
    boxes = "tiles => tiles.map(tile => tile.getBoundingClientRect().toJSON())"
    before = opened.page.locator("button.tile").evaluate_all(boxes)
    for route in list(held):
        route.continue_()
    loaded = (
        "document.querySelector('.frame img').decode().then(() => document.querySelector('.frame img').naturalWidth)"
    )
    assert opened.page.evaluate(loaded) > 0
    assert opened.page.locator("button.tile").evaluate_all(boxes) == before


def test_all_is_done_by_keyboard(opened):
    opened.open("/?plus=red")
    page = opened.page
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "words"
    page.keyboard.press("ArrowDown")
    focused = "document.activeElement.dataset.id"
    ids = opened.ids()
    assert page.evaluate(focused) == ids[0]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(focused) == ids[1]
    top = "document.activeElement.getBoundingClientRect().top + scrollY"
    above = page.evaluate(top)
    page.keyboard.press("ArrowDown")
    assert page.evaluate(top) > above
    page.keyboard.press("ArrowUp")
    assert page.evaluate(top) == above
    page.keyboard.press("End")
    assert page.evaluate(focused) == ids[-1]
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".hit .rank") == "No. 2"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.evaluate(focused) == ids[1]
    page.focus("#words")
    page.keyboard.type("-blue")
    page.keyboard.press("Escape")
    assert page.input_value("#words") == ""
    page.keyboard.press("Backspace")
    opened.settle()
    assert opened.query() == ""


def test_markup_in_captions_names_and_questions_is_text(opened):
    opened.open()
    elements = "document.querySelectorAll('script, iframe, object').length"
    before = opened.page.evaluate(elements)
    file = {"name": f"{HOSTILE}.png", "mimeType": "image/png", "buffer": drawn(2)}
    opened.page.set_input_files("input[type=file]", file)
    opened.settle()
    opened.ask(HOSTILE)
    opened.page.locator("summary:has-text('Source')").click()
    shown = opened.page.locator(".caption").all_inner_texts()
    assert HOSTILE in shown
    opened.page.keyboard.press("Escape")
    opened.page.locator(f"button.tile:has-text('{HOSTILE}')").first.click()
    assert opened.page.inner_text("#hit-title") == HOSTILE
    assert opened.page.locator("a[href^=javascript]").count() == 0
    opened.page.keyboard.press("Escape")
    assert opened.page.evaluate(elements) == before
    assert opened.page.locator("img[src=x], img[onerror], [onload]").count() == 0
    assert opened.page.locator(".chip .term-text").all_inner_texts() == [f"{HOSTILE}.png", HOSTILE]


def test_each_picture_is_said_in_words_and_its_direction_is_its_caption_s(opened):
    opened.open("/?plus=red&k=96")
    tiles = opened.page.locator("button.tile img")
    assert tiles.count() == PICTURES - 1
    assert all(tiles.evaluate_all("images => images.map(image => image.alt)"))
    arabic = opened.page.locator(".caption:has-text('قطة')").first
    assert arabic.evaluate("element => getComputedStyle(element).direction") == "rtl"
    assert opened.page.get_attribute("#tally", "aria-live") == "polite"


def test_a_refusal_is_said_in_the_server_s_words(opened):
    opened.open("/?plus=red")
    opened.ask("-red")
    assert "cancel each other" in opened.page.inner_text("[role=alert]")
    opened.page.click(".chip .drop >> nth=1")
    opened.settle()
    assert opened.ids()[0] == "picture 0"
    file = {"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"}
    opened.page.set_input_files("input[type=file]", file)
    opened.settle()
    assert "cannot be read" in opened.page.inner_text("[role=alert]")
    assert len(opened.wrong) == 2
    assert all("400" in wrong for wrong in opened.wrong)
    opened.wrong.clear()


def test_a_server_that_is_down_is_said_and_asked_again(opened):
    opened.open()
    opened.page.route("**/api/search", lambda route: route.abort())
    opened.ask("red")
    assert "does not answer" in opened.page.inner_text("[role=alert]")
    opened.page.unroute("**/api/search")
    opened.page.click("button:has-text('Try again')")
    opened.settle()
    assert opened.ids()[0] == "picture 0"
    opened.wrong.clear()


def test_a_picture_that_is_gone_leaves_a_sentence(opened):
    opened.page.route("**/api/images/picture%200?*", lambda route: route.fulfill(status=404))
    opened.open("/?plus=red")
    assert opened.page.locator("button.tile").first.locator(".gone").inner_text() == "cannot be shown"
    opened.open("/?like=picture+0")
    opened.page.wait_for_selector(".chip .term-picture > .icon")
    assert opened.page.locator(".chip img").count() == 0  # or the browser's own sign of a broken one
    opened.wrong.clear()


def test_a_slow_answer_does_not_overtake_a_later_one(opened):
    opened.open("/?plus=red")

    def late(route):
        if '"green"' in route.request.post_data:
            time.sleep(0.5)
        route.continue_()

    opened.page.route("**/api/search", late)
    opened.page.fill("#words", "green")
    opened.page.press("#words", "Enter")
    opened.page.fill("#words", "blue")
    opened.page.press("#words", "Enter")
    opened.settle()
    asked = opened.query()
    shown = opened.ids()
    opened.page.unroute("**/api/search")
    opened.open(f"/{asked}")
    assert asked == "?plus=red&plus=green&plus=blue"
    assert opened.ids() == shown
