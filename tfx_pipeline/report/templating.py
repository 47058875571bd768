"""Fills the templates of the report's pages: all text is escaped, and a name that is not given is an error."""

from __future__ import annotations

import base64
import functools
import os
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from tfx_pipeline import wording
from tfx_pipeline.report.contents import Missing
from tfx_pipeline.runs.run_record import CONFIG_FILE, LOG_FILE

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).with_name("templates")
# Control characters are left out, and what UTF-8 cannot hold becomes a question mark.
UNPRINTABLE = dict.fromkeys(set(range(32)) - {ord("\n"), ord("\t")}) | dict.fromkeys(range(0xD800, 0xE000), "?")


def fill(template: str, **values: object) -> str:
    """Returns a file of TEMPLATES with its values as HTML.

    Raises:
      UndefinedError: where the template asks for what is not among the values.
    """
    return environment().get_template(template).render(values)


@functools.cache
def environment() -> Environment:
    """Returns what all templates share: the numbers' wording, files' names and paths, the test for a Missing piece."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printable,
        optimized=False,  # a page is filled once: folding its constants takes longer than it saves
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.tests["missing"] = lambda piece: isinstance(piece, Missing)
    made.globals |= {"NOTHING": wording.NOTHING, "CONFIG_FILE": CONFIG_FILE, "LOG_FILE": LOG_FILE}
    made.filters |= {write.__name__: write for write in (wording.count, wording.counted, wording.duration)}
    made.filters |= {write.__name__: write for write in (wording.measure, wording.percent, px, base64_of, path_from)}
    return made


def printable(value: object) -> object:
    """Returns what stands in the place of a value; what a template made is printable already."""
    return value.translate(UNPRINTABLE) if isinstance(value, str) and not hasattr(value, "__html__") else value


def px(length: float) -> str:
    """Returns a length or a place in a chart's own pixels, to one digit: 48, 12.5."""
    return f"{length:.1f}".removesuffix(".0")


def base64_of(raw: bytes) -> str:
    """Returns bytes as a data: address holds them."""
    return base64.b64encode(raw).decode()


def path_from(folder: str, page_folder: Path) -> str:
    """Returns the address of a folder, relative to the page's."""
    return urllib.parse.quote(os.fsencode(f"{os.path.relpath(folder, page_folder)}/"))
