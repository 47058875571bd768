"""The site's reference says all that the code has: each field with its unit and source, each command and option."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from types import ModuleType

import pytest
import typer

from pages import ROOT
from tfx_pipeline.cli import app
from tfx_pipeline.settings.config import Config


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """scripts/site/reference.py, which is no package's."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "site" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_section_is_there(reference):
    names = [name for name, _ in reference.sections()]
    assert len(set(names)) == len(names)
    assert {"ingest", "evaluation_sets.*", "filter.unsafe.model", "training", "beam"} <= set(names)


def test_every_field_says_what_it_means(reference):
    silent = [
        f"{name}.{field.name}"
        for name, cls in reference.sections()
        for field in reference.fields(cls)
        if not field.meaning
    ]
    assert silent == []


def test_no_docstring_speaks_of_a_field_that_is_not_there(reference):
    for name, cls in reference.sections():
        known = {field.name for field in reference.fields(cls)}
        assert set(reference.attributes(cls)) - known == set(), name


def test_every_number_says_its_unit_and_where_its_default_comes_from(reference):
    numbers = [
        (f"{name}.{field.name}", field)
        for name, cls in reference.sections()
        for field in reference.fields(cls)
        if reference.is_number(field.hint)
    ]
    assert len(numbers) > 50
    source = r"ours|the model's|ALIGN (section \d|appendix A|table \d)|arXiv:\d{4}\.\d{5}"
    assert [name for name, field in numbers if not field.unit or not re.fullmatch(source, field.source)] == []


def test_a_field_is_read_off_its_class(reference):
    @dataclass
    class Section:
        """A section.

        Attributes:
          sides, corners: how many there are
            of them. [px; ALIGN section 3]
          name: what it is called, a [word].

        It is drawn.

        Examples:
          >>> Section(3)
          Traceback: none
        """

        sides: int = 4
        corners: int | None = None
        name: str = "a|b"

    assert list(reference.attributes(Section)) == ["sides", "corners", "name"]
    sides, corners, name = reference.fields(Section)
    assert (sides.meaning, sides.unit, sides.source, sides.default) == (
        "how many there are of them.",
        "px",
        "ALIGN section 3",
        4,
    )
    assert (corners.meaning, corners.unit) == (sides.meaning, "px")
    assert (name.meaning, name.unit, name.source) == ("what it is called, a [word].", "", "")


def test_rows_stand_in_the_page(reference):
    page = reference.config_reference()
    assert page.startswith("## The top of a file")
    row = next(line for line in page.splitlines() if line.startswith("| `shorter_side_above_px`"))
    assert row.startswith(
        "| `shorter_side_above_px` | whole number, px | `200` (ALIGN section 3) | an image is kept when"
    )
    assert all(line.count("|") - line.count("\\|") == 5 for line in page.splitlines() if line.startswith("|"))
    assert set(Config.__dataclass_fields__) <= set(re.findall(r"`([a-z_]+)", page))


def test_every_command_and_option_is_there(reference):
    page = reference.command_reference()
    found = dict(reference.all_commands(typer.main.get_command(app).commands))
    assert "index build" in found
    for name, command in found.items():
        section = page.partition(f"## `align {name}`\n")[2].partition("\n## ")[0]
        assert section, name
        for parameter in command.params:
            for option in parameter.opts:
                assert f"`{option if option.startswith('-') else option.upper()}`" in section, (name, option)
