"""Each curl of docs/rest.md is sent to a served model; the answer has the form that the page shows."""

import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from http_port import ask

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rest.md"
SHOWN = re.findall(r"```\n(curl [^`]*)\n```\n\n```json\n([^`]*)\n```", PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def address(pair_models):
    from serving.server.server import ModelServer

    with ModelServer(pair_models, port=0, rest_port=0) as server:
        yield server.rest_address


def form(value):
    """A JSON value with its numbers left out."""
    if isinstance(value, dict):
        return {key: form(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [form(inner) for inner in value]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else value


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_a_curl_of_the_page_is_answered_in_the_form_that_it_shows(address, command, shown):
    _, url, *data = shlex.split(command)
    assert not data or (data[0], len(data)) == ("-d", 2)
    body = data[1].encode() if data else None
    path = urlsplit(url).path
    status, _, answer = ask(address, "POST" if data else "GET", path, body)
    assert status == 200
    assert form(json.loads(answer)) == form(json.loads(shown))


def test_the_page_shows_every_protocol():
    assert {urlsplit(shlex.split(command)[1]).path[:3] for command, _ in SHOWN} == {"/v1", "/v2"}
    assert len(SHOWN) >= 5
