"""An answer as one HTML file: any text comes through as text, and its policy knows its own scripts alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from colour_encoder import picture
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.search.saved_page import saved_page

HIT = {
    "id": "7", "score": 0.5, "caption": "a red wall", "language": "en", "label": None, "split": "train",
    "source": "colours.tar", "row": 7, "url": None, "width": 2, "height": 2, "image": "/api/images/7",
    "why": [{"term": 0, "share": 0.5}], "duplicates": [],
}  # fmt: skip


class Parts(HTMLParser):
    """A page's elements, and the text of its scripts and styles by their order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.is_inside = False
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.is_inside = tag in {"script", "style"}
        if self.is_inside:
            self.inside.append((tag, ""))

    def handle_endtag(self, tag):
        self.is_inside = False

    def handle_data(self, data):
        if self.is_inside:
            tag, text = self.inside[-1]
            self.inside[-1] = (tag, text + data)


def page_of(text: str, **hit) -> Parts:
    question = {"terms": [{"text": text, "weight": 2.0, "sign": 1}]}
    answer = {"hits": [{**HIT, **hit}], "count": 9, "milliseconds": 1.5, "next": None, "snapshot": "s"}
    return Parts(saved_page(question, answer, text, lambda name, side: picture(255, 0, 0)))


def saved(parts: Parts) -> dict:
    (data,) = [text for tag, text in parts.inside if text.startswith('{"terms"')]
    return json.loads(data)


PLAIN = [tag for tag, _ in page_of("plain").elements]


@settings(max_examples=30, deadline=None)
@given(
    text=st.text() | st.sampled_from(["</script><script>alert(1)</script>", "<!--<script>", '"><img src=x onerror=y>'])
)
def test_any_text_comes_through_as_text(text):
    parts = page_of(text, caption=text, source=text, url=text)
    told = saved(parts)
    assert [tag for tag, _ in parts.elements] == PLAIN
    assert (told["note"], told["terms"][0]["name"]) == (text, text)
    assert {told["answer"]["hits"][0][name] for name in ("caption", "source", "url")} == {text}


def test_the_policy_names_each_script_and_the_style_and_bars_all_else():
    parts = page_of("sad cat")
    (policy,) = [said["content"] for _, said in parts.elements if said.get("http-equiv") == "Content-Security-Policy"]
    hashed = {
        (tag, f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")
        for tag, text in parts.inside
        if not text.startswith('{"terms"')
    }
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert set(rules["script-src"].split()) == {text for tag, text in hashed if tag == "script"}
    assert rules["style-src"] == next(text for tag, text in hashed if tag == "style")


def test_the_modules_stand_in_one_script_each_once_and_after_what_it_imports():
    (script,) = [text for tag, text in page_of("sad cat").inside if "modules" in text]
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)
    order = re.findall(r"^modules\['(\w+\.js)'\] = ", script, re.MULTILINE)
    assert len(order) == len(set(order))
    assert order[-1] == "saved.js"
    for name in order:
        body = script.split(f"modules['{name}'] = ", 1)[1].split("\n})();", 1)[0]
        assert all(order.index(used) < order.index(name) for used in re.findall(r"= modules\['(\w+\.js)'\]", body))


def test_pictures_stand_in_the_page_and_one_that_is_gone_is_said_to_be():
    asked = {
        "terms": [
            {"image": base64.b64encode(picture(0, 0, 255)).decode(), "weight": 1, "name": "sea.png"},
            {"id": "7", "weight": 1, "sign": -1},
            {"embedding": [0.5, 0.5], "weight": 1},
        ]
    }
    answer = {"hits": [HIT, {**HIT, "id": "8"}], "count": 2, "milliseconds": 1, "next": None, "snapshot": "s"}
    pictures = {"7": picture(255, 0, 0)}
    told = saved(Parts(saved_page(asked, answer, "2 of 2", lambda name, side: pictures.get(name))))
    shown, gone = [hit["image"] for hit in told["answer"]["hits"]]
    assert base64.b64decode(shown.removeprefix("data:image/png;base64,")) == pictures["7"]
    assert gone is None
    assert [term["name"] for term in told["terms"]] == ["sea.png", "7", "an embedding of 2 numbers"]
    assert [term["sign"] for term in told["terms"]] == [1, -1, 1]
    assert told["terms"][0]["picture"].startswith("data:image/png;base64,")


@pytest.mark.parametrize("encoded", [b"no picture", b""])
def test_a_question_s_picture_that_cannot_be_shown_is_left_out(encoded):
    asked = {"terms": [{"image": base64.b64encode(encoded).decode(), "weight": 1}]}
    answer = {"hits": [], "count": 0, "milliseconds": 1, "next": None, "snapshot": "s"}
    told = saved(Parts(saved_page(asked, answer, "none", lambda name, side: None)))
    assert told["terms"] == [{"sign": 1, "weight": 1, "kind": "upload", "name": "picture", "picture": None}]
