"""The search page in a browser asks: by words, pictures, minus, weights, filters, an address, of two models."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from search_browser import CAPTIONS, LAST, PICTURES, NumberedEncoder, drawn

pytestmark = pytest.mark.page
DROP = """({encoded, name}) => {
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, {type: "image/png"}));
  return dataTransfer;
}"""

SENT = {
    "drop": "given => document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: given, bubbles: true}))",
    "paste": "given => document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: given, bubbles: true}))",
}


def transfer(opened, file: bytes, name: str):
    """Returns what a browser hands over with a dropped or pasted file."""
    return opened.page.evaluate_handle(DROP, {"encoded": base64.b64encode(file).decode(), "name": name})


def best(words: str, numbers: range) -> list[str]:
    """Returns the ids of the five pictures that are nearest to words, by the vectors themselves."""
    encoder = NumberedEncoder()
    cosines = encoder.encode_image([drawn(number) for number in numbers]) @ encoder.encode_text([words])[0]
    return [f"picture {place}" for place in np.argsort(-cosines, kind="stable")[:5]]


def test_words_find_pictures_and_stand_in_the_address(opened):
    opened.open()
    assert opened.page.inner_text("h1") == "Search 60 pictures"
    opened.ask("red")
    assert opened.ids()[:5] == best("red", range(PICTURES))
    assert len(opened.ids()) == 24
    assert opened.tally().startswith("24 of 60 pictures · ")
    assert opened.query() == "?plus=red"
    assert opened.page.title() == "red · align search"


def test_words_behind_a_minus_are_taken_away_and_each_term_has_its_share(opened):
    opened.open("/?plus=red")
    opened.ask("-blue")
    assert opened.query() == "?plus=red&minus=blue"
    assert opened.page.locator(".chip.minus").count() == 1
    opened.page.locator("button.tile").first.click()
    shares = [
        float(share.replace("\N{MINUS SIGN}", "-")) for share in opened.page.locator(".why .share").all_inner_texts()
    ]
    *parts, cosine = shares
    assert len(parts) == 2
    assert sum(parts) == pytest.approx(cosine, abs=0.002)
    assert opened.page.locator(".tile .score").first.inner_text().endswith(f"{cosine:.3f}")


@pytest.mark.parametrize("way", ["drop", "paste", "file"])
def test_a_picture_is_sent_as_it_is(opened, way):
    file = drawn(LAST)
    opened.open()
    with opened.page.expect_request("**/api/search") as sent:
        if way == "file":
            opened.page.set_input_files(
                "input[type=file]", {"name": "sea.png", "mimeType": "image/png", "buffer": file}
            )
        else:
            transfer(opened, file, "sea.png").evaluate(SENT[way])
    (term,) = json.loads(sent.value.post_data)["terms"]
    assert base64.b64decode(term["image"]) == file
    opened.settle()
    assert opened.ids()[0] == f"picture {LAST}"
    assert opened.page.locator(".chip").inner_text().strip() == "sea.png"
    opened.page.reload()
    opened.settle()
    assert opened.ids()[0] == f"picture {LAST}"


def test_text_that_an_office_program_copied_with_its_picture_is_pasted_as_text(opened):
    opened.open()
    given = transfer(opened, drawn(LAST), "cell.png")
    given.evaluate("given => given.setData('text/plain', 'sea')")
    given.evaluate(SENT["paste"])
    opened.ask("red")
    assert opened.query() == "?plus=red"


def test_a_folder_that_is_dropped_is_said_to_be_none(opened, tmp_path):
    opened.open("/?plus=red")
    (tmp_path / "walls").mkdir()
    devtools = opened.page.context.new_cdp_session(opened.page)
    dragged = {"items": [], "files": [str(tmp_path / "walls")], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": step, "x": 300, "y": 300, "data": dragged})
    opened.page.wait_for_selector("#said:has-text('walls cannot be read')")
    assert opened.page.locator(".veil").is_hidden()
    assert opened.query() == "?plus=red"
    opened.ask("blue")
    assert opened.page.inner_text("#said") == ""


def test_enter_in_the_empty_box_asks_once_more(opened):
    opened.open("/?plus=red")
    with opened.page.expect_request("**/api/search"):
        opened.page.press("#words", "Enter")
    opened.settle()
    assert opened.ids()[:5] == best("red", range(PICTURES))


def test_a_link_to_a_search_by_an_upload_says_what_is_missing(opened):
    opened.open("/?picture=123-456~sea.png")
    assert "uploaded picture, sea.png, which the address does not carry" in opened.page.inner_text("[role=alert]")


def test_a_weight_is_drawn_and_asked(opened):
    opened.open("/?plus=red&plus=blue")
    slider = opened.page.locator(".chip input[type=range]").nth(1)
    with opened.page.expect_request("**/api/search") as sent:
        slider.focus()
        slider.press("End")
    assert [term["weight"] for term in json.loads(sent.value.post_data)["terms"]] == [2, 4]
    opened.settle()
    assert opened.query() == "?plus=red&plus*4=blue"
    assert opened.page.evaluate("document.activeElement.type") == "range"


def test_a_sign_is_turned_a_text_written_anew_and_a_term_taken_out(opened):
    opened.open("/?plus=red&plus=blue")
    opened.page.locator(".chip .sign").nth(1).click()
    opened.settle()
    assert opened.query() == "?plus=red&minus=blue"
    opened.page.locator(".chip button.term-text").nth(0).click()
    assert opened.page.input_value("#words") == "red"
    opened.ask("green")
    assert opened.query() == "?plus=green&minus=blue"
    opened.page.locator(".chip .drop").nth(1).click()
    opened.settle()
    assert opened.query() == "?plus=green"
    opened.page.click("text=Clear all")
    assert opened.query() == ""
    assert opened.page.locator("button.tile").count() == 0


def test_filters_hold_and_are_cleared(opened):
    opened.open("/?plus=red")
    opened.page.click("summary:has-text('Language')")
    opened.page.check("label:has-text('German (de)') input")
    opened.settle()
    german = sum(CAPTIONS[number % len(CAPTIONS)][1] == "de" for number in range(60))
    assert len(opened.ids()) == german
    assert opened.tally().startswith(f"{german} of {german} pictures")
    opened.page.check("label:has-text('Arabic (ar)') input")
    opened.settle()
    assert opened.query() == "?plus=red&is.language=ar&is.language=de"
    opened.page.keyboard.press("Escape")
    opened.page.click("summary:has-text('Size, date, score')")
    opened.page.fill("label:has-text('Width from') input", "150")
    opened.page.keyboard.press("Tab")
    opened.settle()
    assert "min.width=150" in opened.query()
    assert all(int(name.split()[1]) % 5 == 2 for name in opened.ids())
    opened.page.fill("label:has-text('Width from') input", "5000")
    opened.page.keyboard.press("Tab")
    opened.settle()
    assert opened.page.inner_text(".sentence h2") == "No picture fits the filters"
    opened.page.click(".sentence >> text=Clear filters")
    opened.settle()
    assert opened.query() == "?plus=red"


def test_a_cosine_that_is_asked_for_is_said_beside_the_count(opened):
    opened.open("/?plus=red&score=0.5")
    found = len(opened.ids())
    assert 0 < found < 24
    assert opened.tally().startswith(f"{found} from a cosine of 0.5 on, of 60 pictures")


def test_a_long_text_is_asked_whole_or_refused_but_never_cut(opened):
    opened.open()
    opened.page.fill("#words", "red " * 3000)
    with opened.page.expect_request("**/api/search") as sent:
        opened.page.press("#words", "Enter")
    assert json.loads(sent.value.post_data)["terms"][0]["text"] == ("red " * 3000).strip()
    opened.settle()
    assert opened.page.locator("button.tile, [role=alert]").count() > 0
    opened.wrong.clear()


def test_two_models_stand_side_by_side(opened):
    opened.open("/?plus=blue")
    opened.page.select_option(".choice:has-text('Beside') select", "1")
    opened.settle()
    assert opened.query() == "?plus=blue&versus=1"
    assert opened.ids(0)[:5] == best("blue", range(PICTURES))
    assert opened.ids(1)[:5] == best("blue", range(PICTURES // 2))
    both = len(set(opened.ids(0)) & set(opened.ids(1)))
    assert opened.tally() == f"{both} of 24 in both"
    marks = opened.page.locator(".column").nth(1).locator(".move").all_inner_texts()
    assert sum(mark == "only here" for mark in marks) == 24 - both


def test_a_question_comes_back_from_its_address(opened):
    opened.open()
    texts = ["a & b = c", "plus*2", "~", "50% red?", "#hash", "naïve 猫 קטן", "a+b", "<b>", '"', "\\", "is.language=de"]
    told = opened.page.evaluate(
        """async (texts) => {
          const { fromAddress, nothing, toAddress } = await import("./question.js");
          const info = { text_weight: 2, image_weight: 1 };
          const terms = texts.flatMap((text, place) => [
            { kind: "text", value: text, name: text, sign: 1, weight: 2 },
            { kind: "id", value: text, name: text, sign: -1, weight: 0.25 * (place + 1) },
            { kind: "upload", value: "1-2", name: text, sign: place % 2 ? 1 : -1, weight: 1 },
          ]);
          const asked = {
            ...nothing(), terms, is: { language: texts, source: ["a"] },
            ranges: { "min.width": "3", "max.ingested": "2026-01-01" },
            score: -0.5, k: 48, group: false, model: "2", versus: "1", page: 3, at: ["x=&", null],
          };
          return [asked, fromAddress(toAddress(asked, info), info)];
        }""",
        texts,
    )
    assert told[0] == told[1]
