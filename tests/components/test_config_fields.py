"""Choices are read off a field's annotation, and values that JSON brought are named by their section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from components.config_fields import build_fields, refuse_other_choices
from components.validation.config import ValidationConfig


@dataclass(frozen=True)
class Lamp:
    """A dataclass of choices and of what is none."""

    colour: Literal["red", "green"] | None = None
    mode: Literal["on", "off"] = "off"
    name: str = ""
    height: int | None = None

    def __post_init__(self) -> None:
        refuse_other_choices(self, "lamp.", " of the hall")


def test_what_the_annotation_lists_is_taken():
    assert Lamp("red", "on", "any", 3).colour == "red"
    assert Lamp().colour is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"colour": "blue"}, "lamp.colour of the hall is 'blue'; it must be one of red, green or null"),
        ({"mode": None}, "lamp.mode of the hall is None; it must be one of on, off"),
    ],
)
def test_anything_else_is_refused_at_construction(fields, message):
    with pytest.raises(ValueError, match=r".") as caught:
        Lamp(**fields)
    assert str(caught.value) == message


def test_a_section_names_what_a_value_of_json_is_wrong_in():
    with pytest.raises(ValueError, match=r"^validation\.schema is 3 \(int\); it must be text or null$"):
        build_fields(ValidationConfig, {"schema": 3}, "validation")
    with pytest.raises(ValueError, match=r"^validation\.on_anomalies is 'halt'; it must be one of report, stop$"):
        ValidationConfig(on_anomalies="halt")  # type: ignore[arg-type]
