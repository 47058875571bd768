"""Concept families: emoji so alike in meaning that one in training would give the other away in testing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Words of an English CLDR name that tell members of one family apart: who, which colour, which way, how far.
_GENDER = "man men woman women person people boy boys girl girls child adult baby old older mx mrs mr claus santa"
_COLOUR = "red orange yellow green blue purple brown black white grey pink light dark blond gold silver bronze"
_DIRECTION = (
    "up down left right leftwards rightwards upwards downwards upper lower facing oncoming raised lowered "
    "clockwise counterclockwise increasing decreasing next last"
)
_DEGREE = "small medium large low high open closed done not 1st 2nd 3rd"
_VARYING = frozenset(f"{_GENDER} {_COLOUR} {_DIRECTION} {_DEGREE} a an the of with and in".split())

_PERSON = frozenset({"1F468", "1F469", "1F9D1", "1F466", "1F467", "1F9D2", "1F474", "1F475", "1F9D3"})
_ATTRIBUTES = frozenset({"2640", "2642", "FE0F", "200D", "27A1", "1F9B0", "1F9B1", "1F9B2", "1F9B3", "2B1B", "1F7E9"})

# Whole series whose members differ by a number, a phase, a sign or a view.
_SERIES = (
    ("clock", re.compile(r"1F55[0-9A-F]|1F56[0-7]")),
    ("moon phase", re.compile(r"1F31[1-9A-E]")),
    ("zodiac", re.compile(r"264[8-9A-F]|265[0-3]|26CE")),
    ("globe", re.compile(r"1F30D|1F30E|1F30F|1F310")),
    ("keycap", re.compile(r".*-20E3|1F51F")),
)
_SERIES_SUBGROUPS = frozenset({"family", "arrow", "alphanum", "monkey-face"})
_FEMININE = {"mermaid": "mer", "merman": "mer", "merperson": "mer", "princess": "prince", "queen": "king"}


@dataclass(frozen=True)
class Concept:
    """One emoji: its code points as in "1F468-200D-1F373", its English CLDR name and its Unicode subgroup."""

    unified: str
    name: str
    subgroup: str


def code_key(concept: Concept) -> str:
    """Returns the code points without gender, hair and direction; any person counts as the same one."""
    for series, pattern in _SERIES:
        if pattern.fullmatch(concept.unified):
            return f"series {series}"
    if concept.subgroup in _SERIES_SUBGROUPS:
        return f"subgroup {concept.subgroup}"
    parts = ["PERSON" if part in _PERSON else part for part in concept.unified.split("-") if part not in _ATTRIBUTES]
    return "-".join(parts) or concept.unified


def name_key(concept: Concept) -> str:
    """Returns the English name without words for gender, colour, direction and degree; all of it if none is left."""
    words = re.findall(r"[\w'’]+", concept.name.lower())
    kept = [_FEMININE.get(word, word) for word in words if word not in _VARYING]
    return " ".join(kept) or f"whole {concept.name.lower()}"


def families(concepts: Iterable[Concept]) -> list[list[Concept]]:
    """Join concepts that share a code key or a name key, also through a third; each family sorted by code points."""
    concepts = sorted(concepts, key=lambda concept: concept.unified)
    parent = list(range(len(concepts)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first_with: dict[tuple[str, str], int] = {}
    for i, concept in enumerate(concepts):
        for key in (("code", code_key(concept)), ("name", name_key(concept))):
            parent[find(i)] = find(first_with.setdefault(key, i))
    grouped = defaultdict(list)
    for i, concept in enumerate(concepts):
        grouped[find(i)].append(concept)
    return sorted(grouped.values(), key=lambda family: family[0].unified)


def family_name(family: Sequence[Concept]) -> str:
    """Returns the name of a family: that of its first member by code points."""
    return family[0].name
