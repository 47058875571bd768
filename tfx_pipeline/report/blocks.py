"""The few blocks that every section of the report is made of: sections, tables, notes, pictures."""

from __future__ import annotations

import base64
import os
import urllib.parse
from collections.abc import Iterable, Sequence
from pathlib import Path

from tfx_pipeline.report.markup import Child, Markup, join, tag


def section(title: str, *children: Child, lead: Child = None) -> Markup:
    """Returns a section with its heading and, below it, a sentence on what is shown."""
    return tag("section", tag("h2", title), tag("p", lead, class_="lead") if lead else None, children)


def note(text: str) -> Markup:
    """Returns a quiet paragraph, such as why something is missing."""
    return tag("p", text, class_="missing")


def table(header: Sequence[Child], rows: Iterable[Sequence[Child]], *, words: int = 1) -> Markup:
    """Returns a table whose first `words` columns hold words and whose others hold numbers, aligned to the right."""
    kinds = [None if place < words else "number" for place in range(len(header))]
    head = tag("tr", (tag("th", cell, class_=kind) for cell, kind in zip(header, kinds, strict=True)))
    body = (tag("tr", (tag("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True))) for row in rows)
    return tag("div", tag("table", tag("thead", head), tag("tbody", body)), class_="scroll")


def beside(value: Child, other: str) -> Markup:
    """Returns a value with a quieter one below it."""
    return join([value, tag("small", other)])


def details(summary: Child, *children: Child) -> Markup:
    """Returns a part that opens on a click."""
    return tag("details", tag("summary", summary), children)


def picture(jpeg: bytes | None, text: str) -> Markup:
    """Returns an image inside the page, or a blank tile where there is none."""
    if jpeg is None:
        return tag("span", "no preview", class_="blank")
    encoded = base64.b64encode(jpeg).decode()
    return tag("img", src=f"data:image/jpeg;base64,{encoded}", alt=text, title=text, loading="lazy")


def folder_link(words: str, uri: str, page_folder: Path) -> Markup:
    """Returns a link to an artifact's folder, relative to the page; a remote one is only named."""
    if "://" in uri:
        return tag("code", uri)
    relative = os.path.relpath(Path(uri).absolute(), page_folder.absolute())
    return tag("a", words, href=urllib.parse.quote(f"{relative}/"), title=uri)
