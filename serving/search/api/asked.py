"""What a request for a search says in JSON, read into a question; what is wrong is named by where it stands."""

from __future__ import annotations

import base64
import binascii
import datetime
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from serving.search.filters import And, Filter, Not, Or, Where
from serving.search.questions import Question
from serving.search.shards.schema import METADATA
from serving.search.terms import KINDS, Term

MOST_CONDITIONS = 256
DEEPEST = 16  # conditions within conditions
_OF_TERM = (*KINDS, "weight", "sign")


@dataclass(frozen=True)
class Asked:
    """A question, and of which model and page.

    Attributes:
      question: what is asked.
      page: a token; None is the first page.
      model: a version; None is the first model.
    """

    question: Question
    page: str | None
    model: str | None


def read_asked(body: bytes) -> Asked:
    """Read the body of a request; raises ValueError with one sentence."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the body is no JSON ({error}); see /openapi.json") from error
    fields = _fields(said, "the body", ("terms", "where", "k", "page", "min_score", "group", "model"))
    terms = _typed(fields.get("terms"), list, "terms")
    minimum = fields.get("min_score")
    where = fields.get("where")
    return Asked(
        Question(
            terms=tuple(_term(term, number) for number, term in enumerate(terms)),
            where=None if where is None else _filter(where, [MOST_CONDITIONS], DEEPEST),
            k=_typed(fields.get("k", 24), int, "k"),
            min_score=None if minimum is None else _number(minimum, "min_score"),
            group=_typed(fields.get("group", True), bool, "group"),
        ),
        page=_maybe_text(fields.get("page"), "page"),
        model=_maybe_text(fields.get("model"), "model"),
    )


def _term(said: Any, number: int) -> Term:
    place = f"terms[{number}]"
    fields = _fields(said, place, _OF_TERM)
    weight, sign, image, embedding = (fields.get(name) for name in ("weight", "sign", "image", "embedding"))
    if embedding is not None:
        values = _typed(embedding, list, f"{place}.embedding")
        embedding = tuple(_number(value, f"{place}.embedding[{place_in}]") for place_in, value in enumerate(values))
    try:
        return Term(
            text=_maybe_text(fields.get("text"), f"{place}.text"),
            image=None if image is None else _bytes(image, f"{place}.image"),
            id=_maybe_text(fields.get("id"), f"{place}.id"),
            embedding=embedding,
            weight=None if weight is None else _number(weight, f"{place}.weight"),
            sign=1 if sign is None else _typed(sign, int, f"{place}.sign"),
        )
    except ValueError as error:
        said_place = "" if str(error).startswith(place) else f"{place}: "
        raise ValueError(f"{said_place}{error}") from error


def _filter(said: Any, left: list[int], depth: int) -> Filter:
    """Returns a filter; `left` holds how many conditions it may still have."""
    left[0] -= 1
    if left[0] < 0 or not depth:
        raise ValueError(f"where has more than {MOST_CONDITIONS} conditions, or more than {DEEPEST} within each other")
    fields = _fields(said, "a condition of where", ("and", "or", "not", "field", "op", "value"))
    if set(fields) == {"field", "op", "value"}:
        name, comparison = (_typed(fields[key], str, f"where: {key}") for key in ("field", "op"))
        return Where(name, comparison, _value(name, fields["value"]))
    if len(fields) != 1 or not set(fields) <= {"and", "or", "not"}:
        raise ValueError(
            f"a condition of where is field, op and value, or one of and, or, not; it has {_names(fields)}"
        )
    if "not" in fields:
        return Not(_filter(fields["not"], left, depth - 1))
    ((join, parts),) = fields.items()
    made = tuple(_filter(part, left, depth - 1) for part in _typed(parts, list, f"where: {join}"))
    return And(made) if join == "and" else Or(made)


def _value(name: str, said: Any) -> Any:
    """Returns the value of a condition; a time is text as ISO 8601 has it."""
    if name not in METADATA.names or not pa.types.is_timestamp(METADATA.field(name).type):
        return said
    try:
        return [_time(each) for each in said] if isinstance(said, list) else _time(said)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"a filter compares {name!r} with {said!r}; write a date, or a time such as {_A_TIME}"
        ) from error


_A_TIME = "2026-01-31T12:00:00Z"


def _time(said: Any) -> datetime.datetime:
    made = datetime.datetime.fromisoformat(said.replace("Z", "+00:00") if isinstance(said, str) else said)
    return made if made.tzinfo else made.replace(tzinfo=datetime.timezone.utc)


def _fields(said: Any, place: str, known: tuple[str, ...]) -> dict[str, Any]:
    fields = _typed(said, dict, place)
    for name in fields:
        if name not in known:
            raise ValueError(f"{place} has {name[:60]!r}; there are {', '.join(known)}")
    return fields


_KINDS_SAID = {dict: "an object", list: "a list", str: "text", int: "a whole number", bool: "true or false"}


def _typed(said: Any, kind: type, place: str) -> Any:
    if not isinstance(said, kind) or (kind is int and isinstance(said, bool)):
        raise ValueError(f"{place} is {_shortened(said)}; give {_KINDS_SAID[kind]}")
    return said


def _maybe_text(said: Any, place: str) -> str | None:
    return None if said is None else _typed(said, str, place)


def _number(said: Any, place: str) -> float:
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        raise ValueError(f"{place} is {_shortened(said)}; give a number")
    return float(said)


def _bytes(said: Any, place: str) -> bytes:
    try:
        return base64.b64decode(_typed(said, str, place), validate=True)
    except binascii.Error as error:
        raise ValueError(f"{place} is no base64 ({error}); encode the picture's bytes so") from error


def _shortened(said: Any) -> str:
    text = orjson.dumps(said).decode()
    return "missing" if said is None else text if len(text) <= 60 else f"{text[:60]}..."


def _names(fields: dict[str, Any]) -> str:
    return ", ".join(fields) or "none"
