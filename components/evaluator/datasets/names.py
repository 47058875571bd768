"""The names of published classes and the prompts to ask with, as `class_names/` has them beside their licence."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "class_names"


@functools.cache
def published(name: str) -> Mapping[str, Any]:
    """Returns the file of a data set, "imagenet" or one of fine_grained.py: "names" and "templates" by language tag."""
    return json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def class_names(name: str, language: str = "en") -> tuple[tuple[str, ...], ...]:
    """Returns the names of each class, in the published order of the classes."""
    return tuple((each,) for each in published(name)["names"][language])


def templates(name: str, language: str = "en") -> tuple[str, ...]:
    """Returns the prompts, each with one "{}"."""
    return tuple(published(name)["templates"][language])
