"""What TensorFlow Serving refuses over HTTP: each request with its status and the words of its JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serving.conformance.check import REST, Checks, Differs, expect_equal, is_said, shown
from serving.conformance.target import NOWHERE, Target
from serving.signatures import ENCODE_IMAGE, ENCODE_TEXT

CHECKS = Checks()
HANDLER, ROUTES = "model_servers/http_rest_api_handler.cc", "model_servers/http_rest_api_util.cc"
JSON, SERVER = "util/json_tensor.cc", "model_servers/http_server.cc"
STATUS = "model_servers/get_model_status_impl.cc"
_IN_ELEMENT = "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "


@dataclass(frozen=True)
class Refused:
    """One refusal.

    Attributes:
      name, source: of the check.
      path: "{model}" stands for the model's name.
      body: what is sent; a text as it is, else as JSON with `signature_name` encode_text unless it names one.
      status: of HTTP.
      words: the value of `error`, as `is_said` reads it.
      method: of HTTP.
    """

    name: str
    source: str
    path: str
    body: Any
    status: int
    words: str
    method: str = "POST"


def _get(name: str, source: str, path: str, status: int, words: str, method: str = "GET") -> Refused:
    return Refused(name, source, path, None, status, words, method)


def _predict(name: str, body: Any, words: str, source: str = JSON, status: int = 400) -> Refused:
    if isinstance(body, dict):
        body = {"signature_name": ENCODE_TEXT, **body}
    return Refused(name, source, "/v1/models/{model}:predict", body, status, words)


_OF_ROUTES = [
    _get("a path that is no route", HANDLER, "/v1/nothing", 400, "Malformed request: GET /v1/nothing"),
    _get("a model's method by GET", HANDLER, "/v1/models/{model}:predict", 400, "Malformed request: GET ..."),
    _get("a model by POST", HANDLER, "/v1/models/{model}", 400, "Malformed request: POST ...", "POST"),
    _get("a model by PUT", HANDLER, "/v1/models/{model}", 400, "Malformed request: PUT ...", "PUT"),
    _get("a model by DELETE", HANDLER, "/v1/models/{model}", 400, "Malformed request: DELETE ...", "DELETE"),
    _get("a version and a label", HANDLER, "/v1/models/{model}/versions/1/labels/a", 400, "Malformed request: ..."),
    _get(
        "a version that is no 64-bit number",
        ROUTES,
        "/v1/models/{model}/versions/99999999999999999999",
        400,
        "Failed to convert version: 99999999999999999999 to numeric.",
    ),
    _get("a method in capitals", HANDLER, "/v1/models/{model}:PREDICT", 400, "Malformed request: ...", "POST"),
    _get(
        "the status of a model that is not served",
        STATUS,
        f"/v1/models/{NOWHERE}",
        404,
        f"Could not find any versions of model {NOWHERE}",
    ),
    _get(
        "the status of a version that is not there",
        STATUS,
        "/v1/models/{model}/versions/999999",
        404,
        "Could not find version 999999 of model {model}",
    ),
    _get(
        "the metadata of a model that is not served",
        "core/basic_manager.cc",
        f"/v1/models/{NOWHERE}/metadata",
        404,
        f"Servable not found for request: Latest({NOWHERE})",
    ),
    Refused(
        "a prediction of a model that is not served",
        "core/basic_manager.cc",
        f"/v1/models/{NOWHERE}:predict",
        {"instances": ["cat"]},
        404,
        f"Servable not found for request: Latest({NOWHERE})",
    ),
    Refused(
        "a prediction of a version that is not there",
        "core/basic_manager.cc",
        "/v1/models/{model}/versions/999999:predict",
        {"instances": ["cat"]},
        404,
        "Servable not found for request: Specific({model}, 999999)",
    ),
    Refused(
        "a prediction of a label that is not set",
        "model_servers/server_core.cc",
        "/v1/models/{model}/labels/nowhere:predict",
        {"instances": ["cat"]},
        400,
        "Unrecognized servable version label: nowhere",
    ),
]

_OF_BODIES = [
    _predict("an empty body", "", "JSON Parse error: The document is empty"),
    _predict("a body that is no JSON", "nothing", "JSON Parse error: Invalid value. at offset: ..."),
    _predict("a body cut short", '{"instances": [1', "JSON Parse error: ..."),
    _predict("a body that is no object", "[]", "JSON Value: [] Is not object"),
    _predict("a body without inputs", {}, "Missing 'inputs' or 'instances' key"),
    _predict(
        "instances and inputs at once",
        {"instances": ["cat"], "inputs": ["cat"]},
        "... Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist",
    ),
    _predict("instances that are no list", {"instances": "cat"}, "... Expecting 'instances' to be an list/array"),
    _predict("no instances", {"instances": []}, "... No values in 'instances' array"),
    _predict(
        "a signature whose name is no string",
        {"signature_name": 1, "instances": ["cat"]},
        "... not formatted correctly. 'signature_name' key must be a string value.",
    ),
    _predict(
        "a signature that is not there",
        {"signature_name": "nothing", "instances": ["cat"]},
        'Serving signature name: "nothing" not found in signature def',
        HANDLER,
    ),
    _predict(
        "an instance of another type",
        {"instances": [1]},
        f"{_IN_ELEMENT}JSON Value: 1 Type: Number is not of expected type: string",
    ),
    _predict(
        "an object where a string stands",
        {"instances": ["cat", {"text": "dog"}]},
        "Expecting value/list but got object at item 1 of input list",
    ),
    _predict(
        "a string where an object stands",
        {"instances": [{"text": "cat"}, "dog"]},
        "Expecting object but got list at item 1 of input list",
    ),
    _predict(
        "an instance with another input",
        {"instances": [{"words": "cat"}]},
        "Failed to process element: 0 key: words of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON object: does not have named input: words",
    ),
    _predict(
        "instances of different sizes",
        {"instances": [["cat"], ["dog", "cow"]]},
        "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
        "Expecting tensor size: 1 but got: 2",
    ),
    _predict("b64 that is none", {"instances": [{"b64": "?"}]}, f"{_IN_ELEMENT}Unable to base64 decode"),
    _predict("inputs of another name", {"inputs": {"words": ["a"]}}, "Missing named input: text in 'inputs' object."),
    _predict(
        "inputs of different sizes",
        {"inputs": [["a"], ["b", "c"]]},
        "Encountered list at unexpected size: 2 at level: 1 expected size: 1",
    ),
    _predict(
        "inputs nested too deep",
        {"inputs": ["a", ["b"]]},
        "Encountered list at unexpected level: 1 expected < 1",
    ),
    _predict(
        "inputs not nested enough",
        {"inputs": [["a"], "b"]},
        'JSON Value: "b" found at incorrect level: 2 in the JSON DOM. Expected at level: 2',
    ),
    _predict(
        "bytes that are no image",
        {"signature_name": ENCODE_IMAGE, "instances": [{"b64": "AAAA"}]},
        "...",
        "the model's own ops",
    ),
]


def _checked(case: Refused) -> Callable[[Target], None]:
    def run(target: Target) -> None:
        answer = target.http(case.method, case.path.replace("{model}", target.model), case.body)
        expect_equal(answer.status, case.status, f"the status (its body: {shown(answer.text)})")
        expect_equal(answer.headers.get("content-type"), "application/json", "the content type")
        value = answer.json()
        if not isinstance(value, dict) or list(value) != ["error"]:
            raise Differs(f"the body is no object with `error` alone: {shown(answer.text)}")
        said, words = str(value["error"]), case.words.replace("{model}", target.model)
        if not is_said(said, words):
            raise Differs(f"the error: expected {words!r}, got {shown(said)}")

    return run


for _case in (*_OF_ROUTES, *_OF_BODIES):
    CHECKS.add(f"REST: {_case.name} is refused", _case.source, REST)(_checked(_case))


@CHECKS.add(
    "REST: the list of models is refused",
    HANDLER,
    REST,
    ours="`GET /v1/models` lists the models, which there is an error",
)
def _no_list(target: Target) -> None:
    answer = target.http("GET", "/v1/models")
    expect_equal((answer.status, answer.text), (400, error_text("Missing model name in request.")), "status and body")


@CHECKS.add("REST: an error is written over three lines", JSON, REST)
def _error_form(target: Target) -> None:
    answer = target.http("GET", f"/v1/models/{NOWHERE}")
    expect_equal(answer.text, error_text(f"Could not find any versions of model {NOWHERE}"), "the body")


@CHECKS.add("REST: a path outside of /v1/ is not found", SERVER, REST)
def _outside(target: Target) -> None:
    expect_equal(target.http("GET", "/nothing").status, 404, "the status")


@CHECKS.add("REST: OPTIONS needs an Origin", SERVER, REST)
def _origin(target: Target) -> None:
    expect_equal(target.http("OPTIONS", target.path()).status, 400, "the status without one")
    asked = target.http("OPTIONS", target.path(), headers={"Origin": "http://example.com"})
    expect_equal(asked.status, 200, "the status with one")


def error_text(words: str) -> str:
    """Returns the body of an error whose words need no escape."""
    return f'{{\n    "error": "{words}"\n}}'
