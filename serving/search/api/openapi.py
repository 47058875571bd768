"""The API as OpenAPI 3.1 describes it."""

from __future__ import annotations

from typing import Any

from serving.search.api.answered import SHOWN
from serving.search.filters import OPERATORS
from serving.search.pictures import LEAST_SIDE, MOST_SIDE
from serving.search.questions import MOST_HITS
from serving.search.shards.schema import METADATA
from serving.search.terms import HEAVIEST, MOST_TERMS

_NUMBERS = ("row", "width", "height", "unsafe")  # of what a hit shows; the rest is text
_ERRORS = {
    "400": "The question has no answer; the sentence says why.",
    "404": "There is no such image, or its picture is gone.",
    "413": "The body is too large.",
    "429": "Too many requests are in work or wait, or this address sent too many.",
    "503": "The model or the index cannot be asked now.",
}


def openapi(body_bytes: int) -> dict[str, Any]:
    """Returns the document.

    Args:
      body_bytes: the largest body that is taken.
    """
    question = _content(_ref("Question"))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "align search",
            "version": "1",
            "description": "Searches images by text, image, both, or more like one of the index. "
            f"A body has {body_bytes} bytes at most.",
        },
        "paths": {
            "/api/search": {"post": _operation("search", "Search", _json(_ref("Answer")), question)},
            "/api/search.parquet": {
                "post": _operation(
                    "searchParquet", "The same, as a table", {"application/vnd.apache.parquet": {}}, question
                )
            },
            "/api/info": {"get": _operation("info", "What there is to search", _json(_ref("Info")))},
            "/api/images/{id}": {
                "get": _operation(
                    "picture",
                    "A picture of the index, made small",
                    {"image/jpeg": {}, "image/png": {}},
                    parameters=[
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                        {"name": "size", "in": "query", "schema": _between("integer", LEAST_SIDE, MOST_SIDE)},
                    ],
                )
            },
            "/healthz": {"get": _operation("alive", "Whether the process answers", _json({"type": "object"}))},
            "/metrics": {"get": _operation("metrics", "Prometheus", {"text/plain": {}})},
        },
        "components": {"schemas": _schemas()},
    }


def _schemas() -> dict[str, Any]:
    text, number, whole = {"type": "string"}, {"type": "number"}, {"type": "integer"}
    share = _object({"term": whole, "share": number})
    shown = {name: {"type": ["number" if name in _NUMBERS else "string", "null"]} for name in SHOWN}
    model = _object({"name": text, "version": text, "fingerprint": text, "count": whole})
    condition = _object({"field": {"enum": METADATA.names}, "op": {"enum": list(OPERATORS)}, "value": {}})
    parts = {"type": "array", "items": _ref("Filter")}
    kinds = {
        "text": {**text, "description": "words to look for"},
        "image": {**text, "contentEncoding": "base64", "description": "a picture's bytes"},
        "id": {**text, "description": "an image of the index: more like it"},
        "embedding": {"type": "array", "items": number},
    }
    weighed = {"weight": _between("number", 0, HEAVIEST), "sign": {"enum": [1, -1]}}
    return {
        "Error": _object({"error": text}),
        "Term": {"oneOf": [_object({name: kind, **weighed}, needed=[name]) for name, kind in kinds.items()]},
        "Filter": {
            "oneOf": [condition, _object({"and": parts}), _object({"or": parts}), _object({"not": _ref("Filter")})]
        },
        "Question": _object(
            {
                "terms": {"type": "array", "items": _ref("Term"), "minItems": 1, "maxItems": MOST_TERMS},
                "where": {"anyOf": [_ref("Filter"), {"type": "null"}]},
                "k": {**_between("integer", 1, MOST_HITS), "default": 24},
                "page": {"type": ["string", "null"], "description": "`next` of the page before"},
                "min_score": {
                    **_between("number", -1, 1),
                    "type": ["number", "null"],
                    "description": "the least cosine; a hit with this one counts",
                },
                "group": {"type": "boolean", "default": True, "description": "put duplicates behind the best of them"},
                "model": {"type": ["string", "null"], "description": "a version of /api/info"},
            },
            needed=["terms"],
        ),
        "Hit": _object(
            {
                "id": text,
                "score": {**number, "description": "cosine"},
                **shown,
                "image": {**text, "description": "where the picture is"},
                "why": {"type": "array", "items": share, "description": "parts of the score, which add up to it"},
                "duplicates": {"type": "array", "items": text},
            }
        ),
        "Answer": _object(
            {
                "hits": {"type": "array", "items": _ref("Hit")},
                "count": {**whole, "description": "images that fulfil the filter, whatever they score"},
                "milliseconds": number,
                "next": {"type": ["string", "null"]},
                "snapshot": text,
            }
        ),
        "Info": _object(
            {
                "count": whole,
                "dimension": whole,
                "models": {"type": "array", "items": model},
                "fields": {"type": "object", "additionalProperties": {"type": "array", "items": text}},
                "text_weight": number,
                "image_weight": number,
            }
        ),
    }


def _operation(
    name: str, summary: str, content: dict[str, Any], body: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    refusals = {status: {"description": said, **_content(_ref("Error"))} for status, said in _ERRORS.items()}
    answered = {"200": {"description": "OK", "content": content}, **refusals}
    asked = {} if body is None else {"requestBody": {"required": True, **body}}
    return {"operationId": name, "summary": summary, **more, **asked, "responses": answered}


def _object(properties: dict[str, Any], needed: list[str] | None = None) -> dict[str, Any]:
    required = list(properties) if needed is None else needed
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _between(kind: str, least: float, most: float) -> dict[str, Any]:
    return {"type": kind, "minimum": least, "maximum": most}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": _json(schema)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
