"""The search API as a client sees it: answers that its own schema describes, and one sentence for each mistake."""

from __future__ import annotations

import base64
import gzip
import io
import json
import shutil
import threading
from functools import partial

import jsonschema
import pyarrow.parquet as pq
import pytest
from colour_encoder import picture
from http_port import ask, http_port
from PIL import Image

from search_app import COLOURS, colour_rows, colour_store, colours_searched
from serving.search.api.app import SearchSettings, search_app
from serving.search.api.rate import Rate
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store
from serving.server.http_calls import HttpLimits

RED = {"terms": [{"text": "red"}]}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return colour_store(tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def address(store):
    settings = SearchSettings(HttpLimits(body_bytes=100_000), hosts=frozenset({"127.0.0.1", "[::1]"}), token="abc")
    with http_port(search_app([colours_searched(store, "1"), colours_searched(store, "2")], settings)) as address:
        yield address


def asked(address, method, path, body=None, headers=None):
    """Returns (status, JSON)."""
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    status, _, answer = ask(address, method, path, data, headers)
    return status, json.loads(answer)


@pytest.fixture(scope="module")
def described(address):
    return asked(address, "GET", "/openapi.json")[1]


def check(described, kind, value):
    """Raise where a value is not as the schema of the API has it."""
    schema = {**described, "$ref": f"#/components/schemas/{kind}"}
    jsonschema.validate(value, schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"k": 2, "group": False, "min_score": 0.5, "model": "2"},
        {"where": {"and": [{"field": "language", "op": "==", "value": "de"}]}},
        {"where": {"or": [{"not": {"field": "width", "op": "in", "value": [2, 3]}}]}},
        {"where": {"field": "ingested", "op": "<", "value": "2026-01-03T00:00:00Z"}},
        {"terms": [{"image": base64.b64encode(picture(9, 9, 255)).decode(), "weight": 3}, {"id": "4", "sign": -1}]},
        {"terms": [{"embedding": [0.5, 1, 0, 0]}], "page": None},
    ],
)
def test_questions_and_answers_are_as_the_schema_says(address, described, more):
    question = {**RED, **more}
    check(described, "Question", question)
    status, answer = asked(address, "POST", "/api/search", question)
    assert status == 200, answer
    check(described, "Answer", answer)
    assert answer["hits"]
    for hit in answer["hits"]:
        assert sum(part["share"] for part in hit["why"]) == pytest.approx(hit["score"], abs=1e-6)
        assert list(COLOURS)[hit["row"]] == hit["caption"]


def test_each_route_is_described_and_no_other(address, described):
    assert set(described["paths"]) == {
        *("/api/search", "/api/search.parquet", "/api/info", "/api/images/{id}", "/healthz", "/metrics")
    }
    status, info = asked(address, "GET", "/api/info")
    assert status == 200
    check(described, "Info", info)
    assert (info["count"], info["dimension"], info["text_weight"], info["image_weight"]) == (6, 4, 2, 1)
    assert [model["version"] for model in info["models"]] == ["1", "2"]
    assert info["fields"] == {
        "language": ["de", "en"], "label": ["colour"], "split": ["train"], "source": ["colours.tar"]
    }  # fmt: skip
    assert asked(address, "GET", "/healthz") == (200, {"alive": True, "token": "abc"})


def test_pages_follow_each_other(address):
    page, seen = None, []
    while True:
        answer = asked(address, "POST", "/api/search", {**RED, "k": 2, "page": page})[1]
        seen += [name for hit in answer["hits"] for name in (hit["id"], *hit["duplicates"])]
        page = answer["next"]
        if page is None:
            break
    assert seen == ["0", "1", "4", "5", "3", "2"]


def test_a_download_holds_what_the_page_shows(address):
    shown = asked(address, "POST", "/api/search", RED)[1]["hits"]
    status, headers, body = ask(address, "POST", "/api/search.parquet", json.dumps(RED))
    assert (status, headers["Content-Disposition"]) == (200, 'attachment; filename="search.parquet"')
    rows = pq.read_table(io.BytesIO(body)).to_pylist()
    assert [(row["rank"], row["id"], row["caption"]) for row in rows] == [
        (rank, hit["id"], hit["caption"]) for rank, hit in enumerate(shown, start=1)
    ]
    assert [sum(row["shares"]) for row in rows] == pytest.approx([hit["score"] for hit in shown], abs=1e-6)


def test_a_picture_is_shown_by_its_id_alone(address, store):
    status, headers, body = ask(address, "GET", "/api/images/4?size=64")
    assert (status, headers["Content-Type"], headers["X-Content-Type-Options"]) == (200, "image/png", "nosniff")
    assert Image.open(io.BytesIO(body)).convert("RGB").getpixel((0, 0)) == (200, 0, 200)
    store.add(colour_rows(["the sea"], start=70).set_column(6, "source", [["/etc/passwd"]]))
    try:
        status, answer = asked(address, "GET", "/api/images/70")
        assert status == 404
        assert "cannot be read from /etc/passwd" in answer["error"]
    finally:
        store.delete(["70"])
    for path in ("/api/images/..%2f..%2fetc%2fpasswd", "/api/images/../../etc/passwd", "/api/images/nobody"):
        status, answer = asked(address, "GET", path)
        assert (status, answer["error"].partition(" image ")[0]) == (404, "the index has no")
    for size in ("0", "1e9", "-5", "%D9%A3%D9%A2", "4096"):
        status, answer = asked(address, "GET", f"/api/images/4?size={size}")
        assert (status, answer["error"].partition(";")[2]) == (400, " give pixels from 16 to 2048")


@pytest.mark.parametrize(
    ("question", "status", "said"),
    [
        (b"{", 400, "the body is no JSON"),
        (b"[]", 400, "the body is []; give an object"),
        ({}, 400, "terms is missing; give a list"),
        ({"terms": []}, 400, "the query is empty; give a text, an image, or both"),
        ({"terms": [{"text": "red"}] * 33}, 400, "33 terms; 32 are the most"),
        ({"terms": [{"text": "red"}, {"text": "red", "sign": -1}]}, 400, "the parts of the query cancel each other"),
        ({"terms": [{"text": " "}]}, 400, "terms[0]: a text of the query is empty"),
        ({"terms": [{"txt": "red"}]}, 400, "terms[0] has 'txt'; there are text, image"),
        ({"terms": [{"text": "red", "weight": "2"}]}, 400, 'terms[0].weight is "2"; give a number'),
        ({"terms": [{"image": "a picture"}]}, 400, "terms[0].image is no base64"),
        ({"terms": [{"image": "aHR0cDovL2E="}]}, 400, "the picture of the query cannot be read"),
        ({"terms": [{"image": "http://example.com/cat.png"}]}, 400, "terms[0].image is no base64"),
        ({"terms": [{"id": "nobody"}]}, 404, "the index has no image 'nobody'"),
        ({**RED, "k": 0}, 400, "k is 0; it must be from 1 to 1000"),
        ({**RED, "k": True}, 400, "k is true; give a whole number"),
        ({**RED, "min_score": 2}, 400, "min_score is 2.0; it is a cosine"),
        ({**RED, "model": "3"}, 400, "model is '3'; the versions here are 1, 2"),
        ({**RED, "page": "e30"}, 400, "names no page; search again"),
        (
            {**RED, "where": {"field": "colour", "op": "==", "value": 1}},
            400,
            "the field 'colour'; there are",
        ),
        ({**RED, "where": {"field": "width", "op": "~", "value": 1}}, 400, "by '~'; there are =="),
        ({**RED, "where": {"field": "width", "op": "<", "value": "wide"}}, 400, "'width', int32, with 'wide'"),
        ({**RED, "where": {"field": "width", "op": "==", "value": 2.5}}, 400, "with 2.5 (a whole number)"),
        ({**RED, "where": {"field": "width", "op": "in", "value": [2, 2.5]}}, 400, "with [2, 2.5] (a whole number)"),
        ({**RED, "where": {"field": "ingested", "op": "<", "value": "soon"}}, 400, "write a date, or a time such as"),
        ({**RED, "where": {"and": [], "or": []}}, 400, "one of and, or, not; it has and, or"),
        ({**RED, "where": json.loads('{"not":' * 17 + "{}" + "}" * 17)}, 400, "more than 16 within each other"),
        ({**RED, "model": "x" * 100_000}, 413, "the body is larger than 100000 bytes"),
    ],
)
def test_each_mistake_gets_one_sentence(address, described, question, status, said):
    found, answer = asked(address, "POST", "/api/search", question)
    check(described, "Error", answer)
    assert (found, said in answer["error"]) == (status, True), answer


def test_a_packed_body_that_is_too_large_is_refused(address):
    body = gzip.compress(json.dumps({"terms": [{"text": "x" * 10_000_000}]}).encode())
    assert len(body) < 20_000
    assert asked(address, "POST", "/api/search", body, {"Content-Encoding": "gzip"})[0] == 413


def test_no_foreign_page_asks_and_nothing_else_is_there(address):
    status, headers, _ = ask(address, "POST", "/api/search", json.dumps(RED), {"Origin": "http://evil.example"})
    assert status == 200
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert asked(address, "OPTIONS", "/api/search")[0] == 405
    status, answer = asked(address, "GET", "/api/info", None, {"Host": "evil.example:80"})
    assert (status, answer["error"]) == (400, "this server is not called 'evil.example:80'; ask it by its address")
    assert asked(address, "GET", "/api/info", None, {"Host": "[::1]:8080"})[0] == 200
    for path in ("/../app.py", "/..%2fapi%2fapp.py", "/page_files.py", "/nothing"):
        assert asked(address, "GET", path)[0] == 404
    assert ask(address, "GET", "/api/search")[0] == 405


def test_prometheus_reads_what_happened(address):
    ask(address, "POST", "/api/search", b"{")
    status, headers, page = ask(address, "GET", "/metrics")
    assert (status, headers["Content-Type"].partition(";")[0]) == (200, "text/plain")
    assert 'align_search_requests_total{route="/api/search",status="400"}' in page.decode()
    assert 'align_search_images{model="align",version="1"} 6' in page.decode()


def test_an_address_that_asks_too_often_is_told_so(store):
    now = [0.0]
    settings = SearchSettings(rate=Rate(1, clock=lambda: now[0]))
    with http_port(search_app([colours_searched(store)], settings)) as address:
        assert [ask(address, "GET", "/healthz")[0] for _ in range(6)] == [200] * 5 + [429]
        now[0] += 1
        assert [ask(address, "GET", "/healthz")[0] for _ in range(2)] == [200, 429]


def test_adds_and_deletes_under_searching_clients_lose_no_answer(tmp_path):
    store = colour_store(tmp_path)
    statuses, ended = [], threading.Event()

    def client(address, text):
        body = json.dumps({"terms": [{"text": text}], "k": 3})
        while not ended.is_set():
            statuses.append(ask(address, "POST", "/api/search", body)[0])

    with http_port(search_app([colours_searched(store)])) as address:
        clients = [threading.Thread(target=partial(client, address, text)) for text in ("red", "green", "blue", "sea")]
        for thread in clients:
            thread.start()
        for number in range(8):
            store.add(colour_rows(start=100 + 6 * number))
            store.delete([f"{100 + 6 * number}"])
        ended.set()
        for thread in clients:
            thread.join()
        count = asked(address, "GET", "/api/info")[1]["count"]
    assert set(statuses) == {200}
    assert count == 6 + 8 * 5


@pytest.mark.parametrize("broken", ["deleted", "damaged"])
def test_an_index_that_is_gone_or_damaged_is_said(tmp_path, broken):
    fingerprint = colour_store(tmp_path / "other").fingerprint
    create_segment_store(tmp_path / "index", fingerprint=fingerprint, dimension=4)
    store = SegmentStore(tmp_path / "index")
    store.add(colour_rows())
    searched = colours_searched(store)
    if broken == "deleted":
        shutil.rmtree(tmp_path / "index")
    else:
        (tmp_path / "index" / "manifest.json").write_text("{")
    with http_port(search_app([searched])) as address:
        picture = ("GET", "/api/images/0?size=64", None)
        for method, path, body in (("POST", "/api/search", RED), ("GET", "/api/info", None), picture):
            status, answer = asked(address, method, path, body)
            assert (status, str(tmp_path / "index") in answer["error"]) == (503, True), answer
        status, _, page = ask(address, "GET", "/metrics")
        assert (status, b'status="503"' in page) == (200, True)


def test_images_of_which_nothing_is_known_are_found_and_downloaded(tmp_path):
    """As vectors of one's own, without captions or files."""
    store = colour_store(tmp_path)
    store.delete([str(number) for number in range(6)])
    store.add(colour_rows().select(["id", "vector"]))
    with http_port(search_app([colours_searched(store)])) as address:
        status, answer = asked(address, "POST", "/api/search", RED)
        assert (status, answer["hits"][0]["id"], answer["hits"][0]["caption"]) == (200, "0", None)
        status, _, body = ask(address, "POST", "/api/search.parquet", json.dumps(RED))
        assert (status, pq.read_table(io.BytesIO(body)).column("caption").null_count) == (200, len(answer["hits"]))
        negated = {**RED, "where": {"not": {"field": "unsafe", "op": ">", "value": 0.5}}}
        assert asked(address, "POST", "/api/search", negated)[1]["count"] == 6
        status, refused = asked(address, "GET", "/api/images/0")
        assert (status, refused["error"]) == (404, "the index does not say where the picture of '0' lies")
