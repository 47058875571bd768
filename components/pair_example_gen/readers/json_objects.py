"""Keeps in mind where a JSON object holds a key twice: Python's json takes the last value in silence."""

from __future__ import annotations

from typing import Any


class RepeatedKey(dict):
    """A JSON object in which a key comes twice: nobody knows which value is meant."""

    key: str = ""


def to_dict(pairs: list[tuple[str, Any]]) -> dict:
    """Returns an object's pairs as a dict, or as a RepeatedKey; for json's `object_pairs_hook`."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    ambiguous, seen = RepeatedKey(found), set()
    for key, _ in pairs:
        if key in seen:
            ambiguous.key = key
        seen.add(key)
    return ambiguous
